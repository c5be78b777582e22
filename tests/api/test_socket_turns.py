"""A response on a WebSocket can be stopped whenever that is wanted: before it has begun, too."""

from __future__ import annotations

import pytest

from app.api.server_keys import TURN
from app.api.turns.sessions import WebSocketSessions
from app.api.turns.turn import SocketTurn, turn_of
from app.domain.upstream_call import UpstreamCall
from app.errors import RateLimited, ResponseCancelled
from app.services.answering.turn_memory import ContextMemory
from app.settings import WebSocketSettings
from app.telemetry import WEBSOCKETS_OPEN


def turn(stream_id: str | None = None) -> SocketTurn:
    memory = ContextMemory(1000).connection().turn("", 2)
    return SocketTurn(stream_id, {}, 2, 100, True, memory)


def test_it_is_in_a_lane_and_makes_a_response_once_that_is_known() -> None:
    lane, main = turn("planner"), turn()
    assert (lane.lane, main.lane, main.response_id) == ("planner", "", None)
    main.attach(UpstreamCall(deadline=1.0, response_id="resp_1"))
    assert main.response_id == "resp_1"


@pytest.mark.parametrize("is_early", [False, True])
def test_one_that_is_cancelled_stops_its_call_whichever_comes_first(is_early: bool) -> None:
    cancelled, call = turn(), UpstreamCall(deadline=1.0)
    steps = [lambda: cancelled.attach(call), cancelled.cancel]
    for step in steps[::-1] if is_early else steps:
        step()
    assert call.cancelled
    assert isinstance(call.fault, ResponseCancelled)


@pytest.mark.parametrize("is_early", [False, True])
def test_that_a_caller_has_gone_is_said_once_whichever_comes_first(is_early: bool) -> None:
    left, said = turn(), list[str]()
    steps = [lambda: left.watch(lambda: said.append("gone")), left.leave]
    for step in steps[::-1] if is_early else steps:
        step()
    left.leave()
    assert said == ["gone"]


def sessions_open() -> float:
    """Return how many WebSockets are open by the metric."""
    (family,) = WEBSOCKETS_OPEN.collect()
    return sum(each.value for each in family.samples)


def test_a_session_counts_until_it_has_ended() -> None:
    before = sessions_open()
    sessions = WebSocketSessions(WebSocketSettings(max_sessions_per_key=2), ())
    for _ in range(2):
        sessions.enter("key_1")
    sessions.leave("key_1")
    sessions.enter("key_1")
    with pytest.raises(RateLimited):
        sessions.enter("key_1")
    assert sessions_open() == before + 2
    for _ in range(2):
        sessions.leave("key_1")
    assert sessions_open() == before


def test_a_request_over_http_is_none() -> None:
    own = turn()
    assert turn_of({TURN: own}) is own
    assert turn_of({}) is None
