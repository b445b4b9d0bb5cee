"""Starlit: a small shop that shows pavior-middleware at work in Starlette."""
