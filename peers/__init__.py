"""The test suites of Starlette, Flask, Werkzeug, WhiteNoise, Quart and Django, with the middleware.

`python -m peers` runs each suite without the middleware and behind it, and compares the outcomes.
Tests that compare the bytes of an HTML page break. `known.py` lists them, and a few tests of things
that no server does. No other test should break.
"""
