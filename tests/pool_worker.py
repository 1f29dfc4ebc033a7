"""A worker for the tests of the pool: it echoes, sleeps or dies, as its task says."""

import json
import os
import signal
import sys
import time

if __name__ == "__main__":
    print("ready", flush=True)
    for line in sys.stdin:
        task = json.loads(line)
        if task == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if isinstance(task, float):
            time.sleep(task)
        print(json.dumps([task, os.getpid()]), flush=True)
