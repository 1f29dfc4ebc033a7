"""Description of the machine of a measurement."""

import os
import platform

from hsir.storage import tables
from hsir.storage.hardware import processor


def described() -> str:
    """Return the commit, the processor, its cores and the Python version."""
    return f"commit {tables.commit()}: {processor()}, {os.cpu_count()} cores, Python {platform.python_version()}."
