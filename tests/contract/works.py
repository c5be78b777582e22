"""A worker that works when it is called, instead of in its threads."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from app.factory import create_worker
from app.jobs.process import Channel
from app.settings import Settings


class Works:
    """The worker that is deployed; `work` runs the job whose turn it is."""

    def __init__(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        made: list[Callable[[], None]] = []
        monkeypatch.setattr("app.factory.worker.declare", lambda _broker, work: made.append(work))
        self._ends = socket.socketpair()
        create_worker(settings, Channel(self._ends[0]))
        (self.work,) = made

    def close(self) -> None:
        for end in self._ends:
            end.close()
