"""User code that mypy and pyright check, both strict: what must pass, and what must be an error.

`make types` runs them. Nobody imports these modules. A mistake carries a comment for each checker,
and a comment without an error is an error itself.
"""
