"""What happens to one response."""
