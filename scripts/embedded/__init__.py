"""The embedded base model: how it is made, and what it is made of."""
