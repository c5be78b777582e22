"""Who follows a stream, where its events have given way to what is stored."""

from __future__ import annotations

from unittest.mock import Mock

import pytest

from app.domain.accounts.accounts import Caller
from app.errors import GatewayError, InvalidRequest, NotFound, Overloaded, RequestTooLarge
from app.services.responses.following import Follower


def given_way(fault: GatewayError) -> Follower:
    """Return who follows a stream whose events are gone, and whose stored ones cannot be read."""
    subscriber = Mock(last=7, is_whole=False, __iter__=lambda _self: iter(([b"event"],)))
    replays = Mock(**{"lines.side_effect": fault})
    return Follower(Mock(spec=Caller), "resp_a", -1, replays, subscriber)


@pytest.mark.parametrize(
    "fault", [RequestTooLarge("no room"), Overloaded(), NotFound("deleted, or lost")]
)
def test_a_stream_that_cannot_be_read_on_is_not_as_if_it_had_ended(fault: GatewayError) -> None:
    follower = given_way(fault)
    lines = iter(follower)
    assert next(lines) == [b"event"]
    with pytest.raises(type(fault)):
        next(lines)
    assert follower.last == 7


def test_a_stream_of_which_there_is_no_more_ends() -> None:
    assert list(given_way(InvalidRequest("made whole"))) == [[b"event"]]
