"""Whoever waits for an upstream is woken, whatever this process has left."""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.descriptors import lowest_free
from app.providers.wire.interrupt import shut_down


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free() or 0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_it_takes_no_descriptor() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with no_descriptor_left():
            with pytest.raises(OSError, match="Too many open files"):
                os.dup(0)
            shut_down(ours)
        assert (ours.recv(1), theirs.recv(1)) == (b"", b"")
        assert ours.fileno() >= 0  # it is its owner's to close


def test_one_that_was_closed_is_left_alone() -> None:
    ours, theirs = socket.socketpair()
    ours.close()
    with theirs:
        shut_down(ours)
        theirs.setblocking(False)
        assert theirs.recv(1) == b""
