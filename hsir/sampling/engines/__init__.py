"""Engines: what generates completions. `base.py` says what an engine is."""
