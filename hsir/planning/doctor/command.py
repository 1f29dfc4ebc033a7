"""Run system commands with a time limit."""

import subprocess
from collections.abc import Sequence


def answer(command: Sequence[str], seconds: int) -> tuple[int, str]:
    """Run a command; return its exit code and its output, or a message that it timed out."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)
    except subprocess.TimeoutExpired:
        return 1, f"{command[0]} did not respond within {seconds} s"
    except OSError as error:
        return 1, f"{command[0]} cannot be run: {error.strerror}"
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return done.returncode, "; ".join(lines) or f"{command[0]} ended with {done.returncode} without output"
