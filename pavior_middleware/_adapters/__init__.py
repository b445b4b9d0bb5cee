"""What adapters and frameworks share, above pages and sharing."""
