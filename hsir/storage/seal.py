"""A checksum over every byte of a Parquet file, stored in the file itself, so that it moves with the file.

Parquet's own checksums cover the pages, but not the footer, which defines what the pages mean.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, BinaryIO

KEY = "hsir-checksum"
BLANK = "0" * 32
"""Placeholder that the file is written with, and that replaces the checksum while it is computed."""
_BEFORE = KEY.encode() + b"\x18\x20"
"""The footer's key, the type of its value (text), and its length."""
_TAIL, _CHUNK = 4 << 20, 1 << 20
"""Bytes at the end of a file that contain its footer, and bytes that are hashed at a time."""
_STAMP = b"\x18\x04hsir\x18"


def seal(path: Path) -> None:
    """Insert the checksum into a file that was written with the key and `BLANK`."""
    content = path.read_bytes()
    place = _place(content)
    if place is None or content[place : place + 32] != BLANK.encode():
        raise ValueError(f"{path}: no place for a checksum")
    with path.open("r+b") as file:
        file.seek(place)
        file.write(_digest(content, place))


def damaged(content: bytes) -> bool:
    """Return whether a file has changed since it was sealed; false if it has no seal."""
    place = _place(content)
    return place is not None and content[place : place + 32] != _digest(content, place)


def damaged_in(file: BinaryIO) -> bool:
    """Return the same for an open file, without holding all of it in memory."""
    size = file.seek(0, os.SEEK_END)
    start = file.seek(max(size - _TAIL, 0))
    tail = file.read()
    within = _place(tail)
    if within is None:
        return False
    digest, left = hashlib.sha256(), start + within
    file.seek(0)
    while left and (chunk := file.read(min(left, _CHUNK))):
        digest.update(chunk)
        left -= len(chunk)
    digest.update(BLANK.encode() + tail[within + 32 :])
    return tail[within : within + 32] != digest.hexdigest()[:32].encode()


def sealed(content: bytes) -> bool:
    """Return whether a file has a seal: those of older versions have none."""
    return _place(content) is not None


def stamped(content: bytes) -> dict[str, Any]:
    """Read a table's provenance without a Parquet reader; empty if there is none.

    Raises ValueError if it is not JSON.
    """
    found = content.rfind(_STAMP)
    if found < 0:
        return {}
    at, length, shift = found + len(_STAMP), 0, 0
    while True:  # Thrift's variable-length integer: seven bits per byte, lowest first
        length |= (content[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if content[at - 1] < 0x80:
            break
    stamp: dict[str, Any] = json.loads(content[at : at + length])
    return stamp


def _place(content: bytes) -> int | None:
    found = content.rfind(_BEFORE)
    return None if found < 0 else found + len(_BEFORE)


def _digest(content: bytes, place: int) -> bytes:
    whole = memoryview(content)
    digest = hashlib.sha256(whole[:place])
    digest.update(BLANK.encode())
    digest.update(whole[place + 32 :])
    return digest.hexdigest()[:32].encode()
