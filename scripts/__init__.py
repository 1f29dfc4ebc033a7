"""Scripts that create the embedded model and the version pins."""
