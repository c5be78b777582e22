"""The reaper: a process that ends what `up` has started when `up` ends, however it ends.

A process that is killed cannot end what it has started, and neither gunicorn nor redis-server
notices. So `up` starts this one first and tells it of all others; if the socket between them ends
without a word, it ends them: web and worker within nine seconds, then Redis, which they need until
the end. What they write meanwhile is still read, and copied to stderr: writing into a pipe without
a reader fails.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from time import monotonic

from app.cli.common import processes
from app.cli.up.process_groups import group_lives, signal_group

#: The signals for each process, at seconds after the end of `up`. The worker's process gives its
#: jobs eight seconds once its master is gone; gunicorn ends open streams in order on SIGQUIT.
PLANS: Mapping[str, list[tuple[float, int]]] = {
    "web": [(0.0, signal.SIGTERM), (6.5, signal.SIGQUIT)],
    "worker": [(0.0, signal.SIGKILL)],
    "redis": [],
}
KILL_S = 9.3
#: Ends after all others.
LAST = "redis"
_LAST_S = 20.0
_POLL_S = 0.05
_DONE = b"done"

#: Registers a process that was started: its name, its pid, the descriptor of its output.
Register = Callable[[str, int, int | None], None]


@contextmanager
def reaping(environ: Mapping[str, str]) -> Iterator[Register]:
    """Have registered processes end with this one; at the end of the block none is left to end."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            number = theirs.fileno()
            program = subprocess.Popen(  # noqa: S603 - our own
                processes.reaper(number),
                env=environ,
                stdin=subprocess.DEVNULL,
                pass_fds=[number],
                start_new_session=True,
            )

        def register(name: str, pid: int, output: int | None = None) -> None:
            with suppress(OSError):
                line = json.dumps([name, pid]).encode() + b"\n"
                socket.send_fds(ours, [line], [] if output is None else [output])

        try:
            yield register
        finally:
            with suppress(OSError):
                ours.sendall(_DONE)
            ours.close()
            program.wait()


def main() -> None:
    """Wait for the end of `up`, then end what it has left running."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        received, outputs = _listen(channel)
    if received.endswith(_DONE):
        return
    for output in outputs:
        threading.Thread(target=_copy, args=(output,), daemon=True).start()
    _reap([json.loads(line) for line in received.splitlines()])


def _listen(channel: socket.socket) -> tuple[bytes, list[int]]:
    """Return the bytes and the descriptors that came until the socket ended."""
    received, outputs = b"", []
    with suppress(OSError):
        while True:
            piece, more, _, _ = socket.recv_fds(channel, 4096, 16)
            outputs += more
            if not piece:
                break
            received += piece
    return received, outputs


def _copy(output: int) -> None:
    with suppress(OSError):
        while piece := os.read(output, 65536):
            with suppress(OSError):
                os.write(2, piece)


def _reap(started: list[tuple[str, int]]) -> None:
    began = monotonic()
    steps = sorted((at, pid, number) for name, pid in started for at, number in PLANS[name])
    others = [pid for name, pid in started if name != LAST]
    while any(group_lives(pid) for pid in others) and monotonic() - began < KILL_S:
        while steps and monotonic() - began >= steps[0][0]:
            _, pid, number = steps.pop(0)
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        threading.Event().wait(_POLL_S)
    for pid in others:
        signal_group(pid, signal.SIGKILL)
    last = [pid for name, pid in started if name == LAST]
    for pid in last:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    while any(group_lives(pid) for pid in last) and monotonic() - began < _LAST_S:
        threading.Event().wait(_POLL_S)


if __name__ == "__main__":
    main()
