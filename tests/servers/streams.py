"""What the endless streams of both sites are made of."""

START = "<!doctype html><title>A stream</title><h1>More and more</h1>"
PIECE = "<p>More</p>"
PAUSE_SECONDS = 0.02
LONGEST_WAIT_SECONDS = 5
