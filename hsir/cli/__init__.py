"""The command line, for use before, during and after a run; one file per command."""
