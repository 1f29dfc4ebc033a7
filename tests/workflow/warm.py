"""Run stages as forks of one process that has already imported their libraries.

Each job of a run imports torch and transformers, which takes longer than the job of a rehearsal. `warmed` starts a
server that has imported them, and returns the environment in which the shell commands of a run reach it: there,
`python` is a function that passes its arguments, environment and streams on, and waits for the exit code.
"""

import array
import atexit
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]
CLIENT = """\
import array, json, os, signal, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect({path!r})
request = dict(argv=sys.argv[1:], directory=os.getcwd(), environment=dict(os.environ))
server.sendmsg([b"."], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))])
server.sendall(json.dumps(request).encode() + b"\\n")
answers = server.makefile()
child = int(answers.readline())
signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
sys.exit(int(answers.readline()))
"""


@contextmanager
def warmed(folder: Path) -> Iterator[dict[str, str]]:
    """Yield variables that make the shell commands of a run use the server, which ends with the context."""
    path, client, functions = folder / "warm", folder / "client.py", folder / "functions"
    client.write_text(CLIENT.format(path=str(path)))
    functions.write_text(f'python() {{ {sys.executable} -IS {client} "$@"; }}\n')
    with subprocess.Popen(
        [sys.executable, "-m", __name__, str(path)], env={**os.environ, "OMP_NUM_THREADS": "1"}
    ) as server:
        try:
            while not path.exists():
                assert server.poll() is None, "the server ended before it served"
                time.sleep(0.1)
            yield {"BASH_ENV": str(functions)}
        finally:
            server.terminate()


def serve(path: Path) -> None:
    """Fork for each request, until SIGTERM."""
    _imported()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are reaped by the kernel
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{path}.new")
        listening.listen(64)
        Path(f"{path}.new").rename(path)
        while True:
            asked, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _answer(asked)
            asked.close()


def _imported() -> None:
    """Import what most stages need, without starting a thread."""
    import datasets  # noqa: F401
    import pandas  # noqa: F401
    import peft  # noqa: F401
    from transformers import AutoModelForCausalLM, AutoTokenizer, Qwen2ForCausalLM  # noqa: F401
    from trl import DPOTrainer, GRPOTrainer, SFTTrainer  # noqa: F401

    import hsir.stages.report
    import hsir.training.finetune  # noqa: F401


def _answer(asked: socket.socket) -> None:
    """Run the stage of a request in a fork, tell its number, and then its exit code."""
    _, passed, *_ = asked.recvmsg(1, socket.CMSG_SPACE(3 * 4))
    streams = array.array("i")
    streams.frombytes(passed[0][2])
    with asked.makefile() as lines:
        request: dict[str, Any] = json.loads(lines.readline())
    child = os.fork()
    if child == 0:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        asked.close()
        _run(request)
    asked.sendall(f"{child}\n".encode())
    asked.sendall(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n".encode())
    os._exit(0)


def _run(request: dict[str, Any]) -> None:
    """Run `-m MODULE ARGUMENTS` as a process of its own would, and exit with its code."""
    flag, module, *arguments = request["argv"]
    assert flag == "-m", request["argv"]
    os.chdir(request["directory"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = [module, *arguments]
    warnings.filterwarnings("ignore", ".*found in sys.modules.*", RuntimeWarning)
    code = 0
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
