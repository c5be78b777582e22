"""A stream can be ended by a process that did not begin it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.domain.response import Usage
from app.domain.stream.deltas import Arguments, CallOpened, Delta, Finished
from app.domain.stream.resume import resume
from app.errors import UpstreamMisbehaved, UpstreamTimeout
from app.schemas.wire.events import EVENT
from app.stream_check.grammar import Grammar
from tests.domain.narrating import narrator
from tests.domain.strategies import deltas, endings


@given(st.lists(st.one_of(deltas, endings.filter(bool)), max_size=20))
def test_another_narrator_ends_a_stream_as_its_own_would_have(said: list[Delta]) -> None:
    first = narrator("queued")
    waiting = first.response
    events = first.begin()
    try:
        for delta in said:
            events += first.hear([delta])
    except UpstreamMisbehaved:
        return  # its own narrator ends it there and then
    second = resume(waiting, events, first.usage, lambda: 2)
    error = UpstreamTimeout("lost")
    own, other = first.fail(error), second.fail(error)
    # What waits for a call to end is in no event yet: only the stream's own narrator knows it.
    known = second.response.output
    assert known == first.response.output[: len(known)]
    if len(known) == len(first.response.output):
        assert (other, second.response) == (own, first.response)
    else:
        assert any(isinstance(each, CallOpened) for each in said)


def test_an_item_that_was_cut_short_stays_so() -> None:
    first = narrator("queued")
    waiting = first.response
    cut: list[Delta] = [CallOpened("0", "a", "f"), Arguments("0", '{"x')]
    events = [*first.begin(), *first.hear([*cut, CallOpened("1", "b", "f"), Finished("length")])]
    grammar = Grammar()
    for event in [*events, *resume(waiting, events, None, lambda: 2).cancel()]:
        grammar.take(EVENT.dump(event))
    assert grammar.ended


def test_a_stream_that_never_began_only_has_to_end() -> None:
    waiting = narrator("queued").response
    ending = resume(waiting, [], None, lambda: 2).cancel()
    assert [event.type for event in ending] == ["response.failed"]


def test_what_the_upstream_counted_is_not_forgotten() -> None:
    first = narrator("queued")
    second = resume(first.response, first.begin(), Usage(3, 4), lambda: 2)
    second.cancel()
    assert second.response.usage == Usage(3, 4)
