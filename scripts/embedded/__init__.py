"""The embedded base model: its training script and its components."""
