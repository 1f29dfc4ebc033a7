"""The stages: a command line each, named as its rule, its config key and its log."""
