"""Errors that a user can mend; a stage prints their message alone, without a traceback."""


class HsirError(Exception):
    """Something about the input, the config or the model is not as it must be."""


class ConfigError(HsirError):
    """The config is wrong; the message lists everything that is."""


class InputError(HsirError):
    """A file that was read is missing, malformed or empty."""
