"""In what order the master deals with signals that came while it was busy."""

from __future__ import annotations

import queue
import signal

import pytest

from app.serving.arbiter import GatewayArbiter

HUP, INT, QUIT = signal.SIGHUP, signal.SIGINT, signal.SIGQUIT
TERM, TTIN, WINCH = signal.SIGTERM, signal.SIGTTIN, signal.SIGWINCH


@pytest.mark.parametrize(
    ("came", "dealt_with"),
    [
        pytest.param([HUP, HUP, HUP], [HUP], id="one reload for several"),
        pytest.param([HUP, WINCH, HUP], [WINCH, HUP], id="the last reload"),
        pytest.param([TTIN, TTIN], [TTIN, TTIN], id="what counts is counted"),
        pytest.param([TERM, INT], [INT, TERM], id="an interrupt hurries"),
        pytest.param([HUP, TERM, QUIT], [QUIT, HUP, TERM], id="a quit hurries"),
    ],
)
def test_signals_that_came_together_are_dealt_with_by_what_they_want(
    came: list[signal.Signals], dealt_with: list[signal.Signals]
) -> None:
    arbiter = GatewayArbiter.__new__(GatewayArbiter)
    arbiter.SIG_QUEUE = queue.SimpleQueue()
    for number in came:
        arbiter.SIG_QUEUE.put(number)
    assert arbiter.wait_for_signals() == dealt_with
