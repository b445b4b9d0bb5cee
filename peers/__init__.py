"""The test suites of Starlette, Flask, Werkzeug, WhiteNoise, Quart and Django, behind ours.

`python -m peers` runs each suite without the middleware and behind it, and compares. A middleware
that leaves alone what is not a page breaks the tests that compare the bytes of an HTML page, and no
others.
"""
