"""What a run will take, before a GPU is used: samples, tokens, hours, disk; and what it took."""
