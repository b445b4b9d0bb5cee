"""Pavior in each web framework: one journey through all of them, and what is special to each."""
