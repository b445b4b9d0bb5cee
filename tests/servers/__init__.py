"""A Flask and a Starlette site under the servers that people run them with."""
