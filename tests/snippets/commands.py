"""`responses-gateway` for the pages' programs: a process that has imported it forks for each.

MEASURED: to import it anew took nine tenths of a command's time, 20 CPU seconds of all pages.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path

#: stdin, stdout and stderr.
_STREAMS = (0, 1, 2)
_MOST_BYTES = 1 << 20


@contextlib.contextmanager
def running(root: Path, environ: dict[str, str]) -> Iterator[list[str]]:
    """Run the process, and yield the command that stands for `responses-gateway`."""
    with tempfile.TemporaryDirectory(prefix="rg-") as folder, socket.socket(socket.AF_UNIX) as door:
        path = f"{folder}/commands"
        door.bind(path)
        door.listen()
        process = subprocess.Popen(  # noqa: S603 - our own
            [sys.executable, "-m", __name__, str(door.fileno())],
            cwd=root,
            env=environ,
            pass_fds=[door.fileno()],
        )
        try:
            # Without what is installed: it asks, and no more.
            yield [sys.executable, "-I", "-S", __file__, path]
        finally:
            process.kill()
            process.wait()


def ask(path: str, words: Sequence[str]) -> int:
    """Have a command run here, with this process's streams; return its exit status."""
    request = json.dumps([words, str(Path.cwd()), dict(os.environ)]).encode()  # noqa: TID251 - as given
    with socket.socket(socket.AF_UNIX) as call:
        call.connect(path)
        socket.send_fds(call, [request], _STREAMS)
        return int(call.recv(16) or 1)


def serve(door: socket.socket) -> None:
    """Run each command that somebody asks for, until this process is killed."""
    root = import_module("app.cli.root")
    import_module("app.factory")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # whoever asks is told of their ends
    while True:
        call, _ = door.accept()
        request, streams, _, _ = socket.recv_fds(call, _MOST_BYTES, len(_STREAMS))
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            words, folder, environ = json.loads(request)
            for number, stream in zip(_STREAMS, streams, strict=True):
                os.dup2(stream, number)
            os.chdir(folder)
            os.environ.clear()  # noqa: TID251 - as it is given
            os.environ.update(environ)  # noqa: TID251 - as above
            call.sendall(b"%d" % _status(root.main, words))
            os._exit(0)
        for stream in streams:
            os.close(stream)
        call.close()


def _status(main: Callable[[list[str]], object], words: list[str]) -> int:
    """Run a command; return its exit status."""
    try:
        main(words)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception:  # noqa: BLE001 - a process ends so
        traceback.print_exc()
        return 1
    else:
        return 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


if __name__ == "__main__":
    if len(sys.argv) == 2 and sys.argv[1].isdecimal():
        serve(socket.socket(fileno=int(sys.argv[1])))
    sys.exit(ask(sys.argv[1], sys.argv[2:]))
