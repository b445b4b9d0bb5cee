"""Holds the folder in which Django looks for commands of `manage.py`."""
