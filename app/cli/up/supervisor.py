"""Runs several processes as one: when one of them ends, all of them end."""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import IO, cast

from app.cli.up.process_groups import group_lives, signal_group

_SPARE_S = 10.0
_POLL_S = 0.05
_WIDTH = 6

#: Is called for a process that was started: with its name, its pid, and its output's descriptor.
Watch = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class _Member:
    """A process that leads a group of its own."""

    name: str
    program: subprocess.Popen[bytes]
    stop: signal.Signals


def supervise(
    commands: Mapping[str, Sequence[str]],
    environ: Mapping[str, str],
    *,
    grace_s: float,
    beside: Callable[[], None],
    stops: Mapping[str, signal.Signals] | None = None,
    watch: Watch = lambda _name, _pid, _output: None,
) -> int:
    """Run the commands until one ends or a signal arrives; return 0, or the status of a failure.

    Their output goes to stderr, each line with a name. They are sent the signals in `stops`, else
    SIGTERM, and killed if they have not ended _SPARE_S after `grace_s`. `beside` runs in a thread
    of its own once all are started. Must be called by the main thread.
    """
    ended: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.put(0))
    lines = _Lines()
    members: list[_Member] = []
    try:
        for name, command in commands.items():
            program = _start(command, environ)
            members.append(_Member(name, program, (stops or {}).get(name, signal.SIGTERM)))
            output = cast(IO[bytes], program.stdout)
            watch(name, program.pid, output.fileno())
            _in_a_thread(lines.copy, name, output)
            _in_a_thread(_await, program, ended)
        _in_a_thread(beside)
        return _first(ended)
    finally:
        _end(members, monotonic() + grace_s + _SPARE_S, lines)


def _start(command: Sequence[str], environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own commands
        command,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C in the terminal is ours to pass on
    )


def _in_a_thread(target: Callable[..., None], *arguments: object) -> None:
    threading.Thread(target=target, args=arguments, daemon=True).start()


def _await(program: subprocess.Popen[bytes], ended: queue.SimpleQueue[int]) -> None:
    """Report that a process has ended: unrequested, that is a failure, whatever its status."""
    status = program.wait()
    ended.put(status if status > 0 else 1)


def _first(ended: queue.SimpleQueue[int]) -> int:
    while True:
        with suppress(queue.Empty):
            return ended.get(timeout=1.0)


def _end(members: Sequence[_Member], deadline: float, lines: _Lines) -> None:
    """End all: the leaders, which end their own processes, then what these leave behind."""
    for each in members:
        if each.program.poll() is None:
            each.program.send_signal(each.stop)
    for each in members:
        try:
            each.program.wait(max(0.0, deadline - monotonic()))
        except subprocess.TimeoutExpired:
            lines.write("up", f"sending SIGKILL to {each.name} (pid {each.program.pid})\n".encode())
            each.program.kill()
            each.program.wait()
        _end_group(each.program.pid, deadline)
    lines.wait()


def _end_group(leader: int, deadline: float) -> None:
    """End what a leader has left behind."""
    signal_group(leader, signal.SIGTERM)
    while group_lives(leader):
        if monotonic() > deadline:
            signal_group(leader, signal.SIGKILL)
        threading.Event().wait(_POLL_S)


class _Lines:
    """Writes the output of processes to stderr: whole lines, each with a name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._copying = 0
        self._copied = threading.Event()

    def write(self, name: str, line: bytes) -> None:
        """Write a line; nothing happens if the terminal is gone."""
        with self._lock, suppress(OSError, ValueError):
            sys.stderr.buffer.write(f"{name:{_WIDTH}} | ".encode() + line)
            sys.stderr.buffer.flush()

    def copy(self, name: str, source: IO[bytes]) -> None:
        """Write the lines of a source until it ends."""
        with self._lock:
            self._copying += 1
        for line in source:
            self.write(name, line if line.endswith(b"\n") else line + b"\n")
        with self._lock:
            self._copying -= 1
            if not self._copying:
                self._copied.set()

    def wait(self) -> None:
        """Return once all output of the ended processes is written, or after 1 s."""
        if self._copying:
            self._copied.wait(1.0)
