"""A telling can be taken up by who did not begin it."""

from __future__ import annotations

from hypothesis import given, reject
from hypothesis import strategies as st

from app.domain.deltas import Delta
from app.domain.retell import retold
from app.errors import UpstreamMisbehaved, UpstreamTimeout
from tests.domain.narrating import narrator
from tests.domain.strategies import deltas


@given(st.lists(deltas, max_size=20))
def test_another_narrator_ends_a_stream_as_its_own_would_have(said: list[Delta]) -> None:
    first = narrator("queued")
    waiting = first.response
    events = first.begin()
    for delta in said:
        try:
            events += first.hear([delta])
        except UpstreamMisbehaved:
            reject()  # its narrator ends such a stream by itself
    second = retold(waiting, events, lambda: 2)
    error = UpstreamTimeout("lost")
    told, retold_end = first.fail(error), second.fail(error)
    assert retold_end[:-1] == told[:-1]
    assert second.response.output == first.response.output


def test_a_stream_that_never_began_only_has_to_end() -> None:
    waiting = narrator("queued").response
    assert [event.type for event in retold(waiting, [], lambda: 2).cancel()] == ["response.failed"]
