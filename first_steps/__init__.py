"""Follows the documents of the frameworks from the built wheel, as a new user does."""
