"""A worker process, as its master sees it.

It sends lines: `ready 800 25 SETTINGS`, `idle 1.5`, `fault JSON` and `refused REASON`, `draining`;
it is sent one of `fresh`, `again SETTINGS` and `kept SETTINGS`, then `drain` or `hurry`
(app/jobs/process.py). A master of another release passes over lines that it does not know.
"""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from app.settings import SettingsError

_READ_SIZE = 65536


@dataclass(eq=False, slots=True)
class ChildProcess:
    """A worker process. `ready` says that it takes jobs, `drains` that it takes no more.

    `has_hung_up` says that it sends no more lines. `able_at` is when it last took a job or could
    have, `last_line_at` when it last sent a line, `kill_at` when it is killed if it still runs.
    """

    program: subprocess.Popen[bytes]
    channel: socket.socket
    started_at: float
    kill_at: float
    reloads: bool
    ready: bool = False
    drains: bool = False
    has_hung_up: bool = False
    able_at: float = float("-inf")
    last_line_at: float = float("inf")
    refusal: str = ""
    fault: dict[str, object] = field(default_factory=dict)
    times_s: tuple[float, float] = (0.0, 0.0)
    unread: bytearray = field(default_factory=bytearray)

    def send(self, line: str) -> None:
        """Send a line, unless the process is gone."""
        with suppress(OSError):
            self.channel.sendall(line.encode() + b"\n")

    def why(self) -> dict[str, object]:
        """Return why it could not use its settings, as far as it said so: fields of a log line."""
        ended = f"the process ended with the status {self.program.returncode}"
        return self.fault or {"reason": self.refusal or ended}

    def kill(self) -> None:
        """Kill it, once: it takes a moment to end."""
        self.program.kill()
        self.kill_at = self.last_line_at = float("inf")

    def lines(self) -> Iterator[list[str]]:
        """Yield the words of each line that it has sent."""
        with suppress(OSError):
            while piece := self.channel.recv(_READ_SIZE):
                self.unread += piece
            self.has_hung_up = True
        while (end := self.unread.find(b"\n")) >= 0:
            line = bytes(self.unread[:end]).decode()
            del self.unread[: end + 1]
            yield line.split(" ")


def fault_text(error: SettingsError) -> str:
    """Return a fault of the settings as JSON, with the fields that the web processes log."""
    file = None if error.file is None else str(error.file)
    fields = {"file": file, "line": error.line, "reason": error.reason}
    return json.dumps(fields)


def read_fault(text: str) -> dict[str, object]:
    """Return the fields in what `fault_text` wrote."""
    fields: dict[str, object] = json.loads(text)
    return fields
