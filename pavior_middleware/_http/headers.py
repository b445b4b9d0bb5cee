"""Header fields, as the shells hand them over."""

HeaderList = list[tuple[str, str]]
"""Header fields in order, as text decoded as latin-1."""
