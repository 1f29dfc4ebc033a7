"""What is to be run: light to import, for the login node parses the DAG with it."""

from hsir.config.load import load, read_yaml
from hsir.config.plan import Plan

__all__ = ["Plan", "load", "read_yaml"]
