"""Is there enough disk space for a run?"""

import shutil
from pathlib import Path

from hsir.planning.budget.summary import size
from hsir.planning.doctor.finding import Finding, ok, problem


def disk(results: Path, needed: float) -> Finding:
    """Compare the peak disk space of a run with the free space, in bytes."""
    there = next(folder for folder in (results.absolute(), *results.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(there).free
    told = f"{there}: {size(needed)} needed at most, {size(free)} free"
    if needed > free:
        return problem("disk", told, "set `results:` to a folder with more space, or train fewer methods at a time")
    return ok("disk", f"{told} (quotas are not checked)")
