"""A worker that asks math-verify: a line [answer, gold, prose] of JSON in, a line [extracted, same] out.

An answer is one expression, read as a whole or not at all; prose is text that math-verify searches for one.
"""

import json
import logging
import resource
import signal
import sys

MEMORY = 4 << 30
"""Bytes of address space; whole numbers of a power tower would take all there is."""

ORPHANED = 600
"""Seconds after which a worker ends in the middle of a task: whoever should have ended it must be gone."""


def main() -> None:
    """Answer until the input ends."""
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
        except Exception:  # whatever a model wrote, and whatever sympy made of it
            reply = [None, None]
        signal.alarm(0)
        print(json.dumps(reply), file=answers, flush=True)


if __name__ == "__main__":
    main()
