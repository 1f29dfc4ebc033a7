"""A worker that runs math-verify: a JSON line [answer, gold, prose] in, a line [extracted, same] out.

An answer is one expression, parsed completely or not at all; prose is text that math-verify searches for one.
"""

import json
import logging
import resource
import signal
import sys

MEMORY = 4 << 30
"""Limit of the address space in bytes; the integers of a power tower would use up all memory."""

ORPHANED = 600
"""Seconds after which a worker exits in the middle of a task: its parent process must be gone."""


def main() -> None:
    """Process tasks until the end of input."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    logging.disable(logging.CRITICAL)
    sys.set_int_max_str_digits(4300)
    from hsir.grading import symbolic  # imports sympy, which takes a while

    answers, sys.stdout = sys.stdout, sys.stderr
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        signal.alarm(ORPHANED)
        try:
            reply = symbolic.compare(*json.loads(line))
        except Exception:  # model output can make sympy raise anything
            reply = [None, None]
        signal.alarm(0)
        print(json.dumps(reply), file=answers, flush=True)


if __name__ == "__main__":
    main()
