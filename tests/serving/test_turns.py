"""Whoever has long work lets others run, also those who are only just coming."""

from __future__ import annotations

import subprocess
import sys

#: A greenlet that works in slices, and a caller whose bytes come while it does.
PROGRAM = """
from gevent import monkey; monkey.patch_all()
import gevent, socket
from app.api.bodies import let_others_run
ours, theirs = socket.socketpair()
said = []
def work():
    theirs.sendall(b"hello")
    let_others_run()
    said.append("worked")
def listen():
    ours.recv(5)
    said.append("heard")
gevent.joinall([gevent.spawn(listen), gevent.spawn(work)])
print(said)
"""


def test_a_pause_is_long_enough_for_a_caller_that_comes() -> None:
    told = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True)  # noqa: S603 - our own
    assert told.stdout.strip() == b"['heard', 'worked']"
