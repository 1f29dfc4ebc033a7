"""File system errors, whichever library raised them: which file, what is wrong, and a suggested fix."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WAYS_OUT = {
    errno.ENOSPC: "free space (`hsir status` lists what can be deleted), or move `results` to a larger disk",
    errno.EDQUOT: "delete files or request a larger quota (`hsir status` lists what can be deleted)",
    errno.EROFS: "mount the file system for writing, or work in a writable folder",
    errno.ESTALE: "the server has lost it: check whether the file system is mounted on this machine",
    errno.EIO: "the disk or its connection is failing: contact its administrator, and run `hsir check` afterwards",
    errno.ENOTCONN: "check whether the file system is mounted on this machine",
    errno.ESHUTDOWN: "check whether the file system is mounted on this machine",
    errno.EFBIG: "raise the limit on the size of files (`ulimit -f`)",
    errno.EMFILE: "raise the limit on open files (`ulimit -n`)",
}
"""File system errors with an external cause, each with a suggested fix."""
_NUMBER = re.compile(r"\bos error (\d+)\)|\[errno (\d+)\]", re.IGNORECASE)
"""How Rust libraries (safetensors, tokenizers) and Arrow quote an errno."""
_TORCH = re.compile(r"inline_container|PytorchStreamWriter")
"""If torch cannot write a complete file, it names its own source file, and no errno."""


def told(error: BaseException) -> str | None:
    """Describe an error caused by the file system in one line; None for any other error."""
    for number in map(_number, _chain(error)):
        if number is not None:
            name = next((one.filename for one in _chain(error) if isinstance(one, OSError) and one.filename), None)
            why = f"{os.strerror(number)[0].lower()}{os.strerror(number)[1:]}"
            return (
                f"{os.fsdecode(name) if isinstance(name, str | bytes) else 'a file'}: {why}; finished work is kept:"
                f" {WAYS_OUT[number]}; then rerun"
            )
    return None


def refused(error: BaseException) -> bool:
    """Return whether an error was caused by the file system: a file that cannot be read for that reason is not
    damaged."""
    return any(_number(one) is not None for one in _chain(error))


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Add the file's name to file system errors that lack it, such as those of a full disk; raises them as OSError."""
    try:
        yield
    except Exception as error:
        number = next((found for found in map(_number, _chain(error)) if found is not None), None)
        if number is None or any(getattr(one, "filename", None) for one in _chain(error)):
            raise
        raise OSError(number, os.strerror(number), str(path)) from error


def _number(error: BaseException) -> int | None:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno if error.errno in WAYS_OUT else None
    if isinstance(error, RuntimeError) and _TORCH.search(str(error)):
        return errno.ENOSPC
    if type(error).__module__.startswith(("safetensors", "builtins")):
        quoted = _NUMBER.search(str(error))
        number = int(quoted[1] or quoted[2]) if quoted else None
        return number if number in WAYS_OUT else None
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, its causes and its contexts."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
