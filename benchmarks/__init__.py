"""What the middleware costs. Each module says how it is run, from the root of the repository."""
