"""Names of the hardware, so that timings remain meaningful years later."""

import platform
import sys
from functools import cache
from pathlib import Path
from typing import Any

CPUS = Path("/proc/cpuinfo")


def computing() -> dict[str, Any]:
    """Return the number of GPUs of this process (0 or 1), and the name of the GPU or processor, without loading
    torch."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return {"devices": 1, "device": torch.cuda.get_device_name()}
    return {"devices": 0, "device": processor()}


@cache
def processor() -> str:
    """Return the name of the processor."""
    try:
        lines = CPUS.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
