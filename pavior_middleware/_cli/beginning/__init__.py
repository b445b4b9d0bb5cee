"""What a site needs to begin with Pavior: lines for its framework, and settings."""
