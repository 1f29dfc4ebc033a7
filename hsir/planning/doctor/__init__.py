"""Checks before any job is submitted: one finding per check."""
