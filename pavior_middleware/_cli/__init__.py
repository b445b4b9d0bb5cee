"""The verbs of the command `pavior`, with a module for each.

The work is in functions that do not depend on the command line.
"""
