"""What a measurement was made on."""

import os
import platform
from pathlib import Path

from hsir import tables


def described() -> str:
    """Name the commit, the processor, its cores and the Python."""
    return f"commit {tables.commit()}: {processor()}, {os.cpu_count()} cores, Python {platform.python_version()}."


def processor() -> str:
    """Name the processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
