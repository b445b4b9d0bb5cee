"""Flask & Fern: a small shop that shows pavior-middleware at work in Flask."""
