"""Counts what a thread sends to Redis."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

from redis.connection import AbstractConnection


@dataclass(slots=True)
class Traffic:
    """`round_trips` is how often something was sent, and then waited for."""

    round_trips: int = 0


@contextlib.contextmanager
def counted() -> Iterator[Traffic]:
    """Count what this thread sends inside; others go on with what is theirs."""
    traffic, ours = Traffic(), threading.get_ident()
    send: Any = AbstractConnection.send_packed_command

    def counting(connection: Any, *args: Any, **options: Any) -> None:
        traffic.round_trips += threading.get_ident() == ours
        send(connection, *args, **options)

    with mock.patch.object(AbstractConnection, "send_packed_command", counting):
        yield traffic
