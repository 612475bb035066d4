"""What is installed, and what goes together."""
