"""The answers under way are ended when their process is about to end (A8)."""

from __future__ import annotations

import pytest

from app.api.open_answers import OpenAnswers
from app.errors import GatewayError, Restarting


def test_every_open_answer_is_ended_once_it_is_closed() -> None:
    answers, ended = OpenAnswers(), list[tuple[str, GatewayError]]()
    for name in ("one", "two", "three"):
        place = answers.enter(lambda fault, name=name: ended.append((name, fault)))  # type: ignore[misc]
    answers.leave(place)
    answers.close()
    assert [name for name, _ in ended] == ["one", "two"]
    assert ended[0][1] is not ended[1][1]  # each is written on
    assert "the gateway is being restarted" in ended[0][1].message


def test_clients_that_judge_a_stream_by_its_words_see_that_they_may_try_again() -> None:
    """By these words the agent pi 1.6.0 repeats a request; a stream has no status to go by."""
    answers, ended = OpenAnswers(), list[GatewayError]()
    answers.enter(ended.append)
    answers.close()
    assert ended[0].message.startswith("Service unavailable: ")


def test_nothing_enters_a_process_that_ends() -> None:
    answers = OpenAnswers()
    answers.close()
    with pytest.raises(Restarting) as refused:
        answers.enter(lambda _: None)
    assert (refused.value.status, refused.value.type) == (503, "server_error")
