"""Checks before anything is queued: one finding per thing checked."""
