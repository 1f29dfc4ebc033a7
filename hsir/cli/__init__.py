"""The command line: what a person asks before, during and after a run, one file per command."""
