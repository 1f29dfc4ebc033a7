"""What made the embedded model, and the pins."""
