"""What the adapters of interfaces and frameworks share."""
