"""The budget of a run: samples, tokens, hours and disk, before a GPU is used and afterwards."""
