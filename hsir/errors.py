"""Errors that a user can fix; a stage prints only their message, without a traceback."""


class HsirError(Exception):
    """The input, the config or the model is invalid."""


class ConfigError(HsirError):
    """The config is invalid; the message lists all errors."""


class InputError(HsirError):
    """A file that was read is missing, malformed or empty."""
