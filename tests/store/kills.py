"""Kills a process between any two of its exchanges with Redis, as SIGKILL or the OOM killer may."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from threading import get_ident
from typing import Any

import pytest
from redis.connection import AbstractConnection


class Killed(BaseException):
    """The process is no more: nothing that it would have done is done."""


def _is_killed(act: Callable[[], object], after: int) -> bool:
    """Run `act` until it has sent something so many times; return whether it wanted to do more.

    Threads that other tests have left send what they like, and are not counted.
    """
    send: Any = AbstractConnection.send_packed_command
    sent, ours = 0, get_ident()

    def sending(connection: Any, *arguments: Any, **more: Any) -> object:
        nonlocal sent
        is_ours = get_ident() == ours
        if is_ours and sent == after:
            raise Killed
        sent += is_ours
        return send(connection, *arguments, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AbstractConnection, "send_packed_command", sending)
        try:
            act()
        except Killed:
            return True
    return False


def kills(prepare: Callable[[], Callable[[], object]]) -> Iterator[int]:
    """Yield after each kill of what `prepare` returns: before its first exchange, its second, ...

    And once more, after it has run to its end.
    """
    for after in count():
        act = prepare()
        is_killed = _is_killed(act, after)
        yield after
        if not is_killed:
            return
