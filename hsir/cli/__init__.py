"""The command line `python -m hsir`: what a person asks before, during and after a run."""
