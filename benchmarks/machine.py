"""What a measurement was made on."""

import os
import platform

from hsir.storage import tables
from hsir.storage.hardware import processor


def described() -> str:
    """Name the commit, the processor, its cores and the Python."""
    return f"commit {tables.commit()}: {processor()}, {os.cpu_count()} cores, Python {platform.python_version()}."
