"""Files with a user in each row: CSV or JSON Lines, read and written as streams."""
