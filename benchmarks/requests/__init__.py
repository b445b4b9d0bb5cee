"""What the middleware costs a whole request, beside other ways to put a script into a page."""
