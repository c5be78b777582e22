"""Counts what goes over this process's connections to Redis."""

from __future__ import annotations

import contextlib
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
    """Count what is sent inside."""
    traffic = Traffic()
    send: Any = AbstractConnection.send_packed_command

    def counting(connection: Any, *args: Any, **options: Any) -> None:
        traffic.round_trips += 1
        send(connection, *args, **options)

    with mock.patch.object(AbstractConnection, "send_packed_command", counting):
        yield traffic
