"""HSIR: large reasoning models that improve themselves, better and faster (arXiv 2605.24998)."""

__version__ = "0.1.0"
