"""Engines generate completions. `base.py` defines their interface."""
