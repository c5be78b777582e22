"""Messages of items that were written before are what they would be without."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.items import (
    FunctionCall,
    FunctionCallOutput,
    InputImage,
    InputText,
    Item,
    Message,
    OutputText,
    Reasoning,
)
from app.errors import GatewayError
from app.providers.openai_chat.messages import known as known_messages
from app.providers.openai_chat.messages.known import KnownMessages
from app.providers.openai_chat.messages.writer import to_messages
from app.providers.profiles import Profile
from app.providers.profiles.choice import PROFILES

THOROUGHLY = settings(
    max_examples=max(200, settings().max_examples),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
_ids = st.sampled_from(["call_1", "call_2", "call_3", "c" * 50])
_texts = st.text(max_size=3)
_outputs = st.one_of(
    _texts,
    st.just((InputText("a"), InputImage("https://a.example/b.png"))),
)
items: st.SearchStrategy[Item] = st.one_of(
    st.builds(lambda text: Message("", "user", (InputText(text),)), _texts),
    st.builds(lambda text: Message("", "assistant", (OutputText(text),)), _texts),
    st.builds(lambda text: Message("", "system", (InputText(text),)), _texts),
    st.builds(lambda call_id, text: FunctionCall("", call_id, "f", text), _ids, _texts),
    st.builds(lambda call_id, output: FunctionCallOutput("", call_id, output), _ids, _outputs),
    st.builds(lambda text: Reasoning("", (text,)), _texts),
)
histories = st.lists(items, min_size=4, max_size=24).map(tuple)


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KnownMessages, "fewest", 3)
    monkeypatch.setattr(known_messages, "_MORE", 0)


def written(
    given: Sequence[Item], profile: Profile, known: KnownMessages | None, **more: Any
) -> bytes | str:
    """Return the messages as bytes, or why there are none."""
    try:
        return orjson.dumps(to_messages(["Be brief."], given, profile, "m", known=known, **more))
    except GatewayError as fault:
        return fault.message


@THOROUGHLY
@given(histories, st.lists(histories, max_size=4), st.sampled_from(sorted(PROFILES)), st.data())
def test_what_was_written_before_is_written_as_it_was(
    first: tuple[Item, ...], others: list[tuple[Item, ...]], name: str, data: st.DataObject
) -> None:
    known, profile = KnownMessages(), PROFILES[name]
    history = first
    for more in [(), (), *others, ()]:
        cut = data.draw(st.integers(1, len(history)))
        history = (*history[: cut if data.draw(st.booleans()) else None], *more)
        thinks = data.draw(st.booleans())
        for _ in range(data.draw(st.integers(1, 3))):
            plain = written(history, profile, None, thinks=thinks)
            assert written(history, profile, known, thinks=thinks) == plain


def agent(steps: int) -> tuple[Item, ...]:
    """Return the items of an agent's history, new ones each time."""
    items: list[Item] = [Message("", "user", (InputText("Find it."),))]
    for number in range(steps):
        items.append(FunctionCall("", f"call_{number}", "look_up", "{}"))
        items.append(FunctionCallOutput("", f"call_{number}", f"{number}"))
    return tuple(items)


def pieces(given: tuple[Item, ...], known: KnownMessages, name: str = "generic") -> list[Any]:
    profile = PROFILES[name]
    messages = to_messages([], given, profile, "m", known=known)
    assert orjson.dumps(messages) == orjson.dumps(to_messages([], given, profile, "m"))
    return messages


def count(given: tuple[Item, ...], known: KnownMessages, name: str = "generic") -> int:
    """Return how many messages are written that were not known."""
    return sum(type(each) is dict for each in pieces(given, known, name))


def test_what_comes_for_the_second_time_is_known_from_then_on() -> None:
    known, history = KnownMessages(), agent(20)
    assert [count(history[:-2], known) for _ in range(3)] == [39, 2, 2]
    assert count(history, known) == 2
    assert len(known.cache.entries) == 1


def test_items_of_the_same_words_are_others() -> None:
    known = KnownMessages()
    for _ in range(2):
        count(agent(20), known)
    assert count(agent(20), known) == 41
    assert not known.cache.entries


def test_what_a_conversation_ends_with_is_written_anew() -> None:
    known, history = KnownMessages(), agent(20)
    for _ in range(2):
        count((*history, Message("", "user", (InputText("And?"),))), known)
    assert count((*history, Message("", "user", (InputText("Well?"),))), known) == 1
    assert count((*history, Message("", "assistant", (OutputText("So"),))), known) == 2


def test_servers_and_models_have_their_own() -> None:
    known, history = KnownMessages(), agent(20)
    for _ in range(2):
        count(history, known)
    assert count(history, known, "mistral") == 2
    to_messages([], history, PROFILES["generic"], "other", known=known)
    assert {(form[0].name, form[1]) for form in (each.form for each in known.cache.entries)} == {
        ("generic", "m"),
        ("mistral", "m"),
        ("generic", "other"),
    }


def test_behind_a_system_message_at_the_beginning_messages_are_known() -> None:
    known, profile = KnownMessages(), replace(PROFILES["generic"], one_system=True)
    history = (Message("", "system", (InputText("Be kind."),)), *agent(20))
    for fresh in (42, 3, 3):
        messages = to_messages(["Be brief."], history, profile, "m", known=known)
        assert messages[0] == {"role": "system", "content": "Be brief.\n\nBe kind."}
        assert sum(type(each) is dict for each in messages) == fresh


@pytest.mark.parametrize(
    "first",
    [
        Message("", "assistant", (OutputText(""),)),
        FunctionCallOutput("", "call_of_before", "lost"),
        Reasoning("", ("Hm.",)),
    ],
    ids=["silence", "output", "reasoning"],
)
def test_a_system_message_behind_what_becomes_nothing_is_joined(first: Item) -> None:
    system = (Message("", "system", (InputText("Be kind."),)),) * 2
    known, history = KnownMessages(), (first, *system, *agent(20))
    for _ in range(3):
        pieces(history, known, "vllm")


def test_what_the_user_says_in_a_row_is_one_message_where_it_was_cut() -> None:
    said = tuple(Message("", "user", (InputText(str(at)),)) for at in range(60))
    known = KnownMessages()
    for end in (40, 40, 60, 60, 60):
        (message,) = pieces(said[:end], known, "vllm")
        assert message["content"] == "\n\n".join(map(str, range(end)))


def test_what_begins_with_long_texts_is_not_kept() -> None:
    known = KnownMessages()
    picture = Message("", "user", (InputImage("data:image/png;base64,AAAA"),))
    long = Message("", "user", (InputText("w" * 100_000),))
    for first in (picture, long):
        history = (first, *agent(20)[1:])
        assert [count(history, known) for _ in range(3)] == [41] * 3
    assert not known.seen.entries


def test_there_is_room_for_so_much() -> None:
    known, history = KnownMessages(), agent(20)
    for _ in range(2):
        count(history, known)
    size = known.cache.size
    known = KnownMessages(3 * size)
    histories = [agent(20) for _ in range(6)]
    for history in histories:
        assert [count(history, known) for _ in range(2)] == [41, 2]
        assert 0 < known.cache.size <= 3 * size
    assert [count(history, known) for history in histories[-3:]] == [2, 2, 2]
    known = KnownMessages(size)
    for _ in range(2):
        count(histories[0], known)
    assert not known.cache.size


def unseen(number: int) -> tuple[Item, ...]:
    """Return items that take much, of which a server is sent little."""
    thought = Reasoning("", (f"{number}" * 1000,), ("\N{GRINNING FACE}" * 500,))
    said = Message("", "user", (InputText("Go on."),))
    return (said, *(replace(each) for each in (thought, said) * 40))


def waiting(_: int) -> tuple[Item, ...]:
    """Return items that are sent as nothing, but for the last ones."""
    silent = Message("", "assistant", (OutputText(""),))
    said = Message("", "user", (InputText("Go on."),))
    return (said, *(replace(silent) for _ in range(100)), said, said)


@pytest.mark.parametrize(
    "make",
    [
        unseen,
        waiting,
        lambda number: agent(40 + number % 2),
        lambda number: (
            (Message("", "user", (InputText(f"{number} \N{GRINNING FACE}" * 200),)),) * 40
        ),
    ],
    ids=["thoughts", "silence", "calls", "wide"],
)
def test_what_is_kept_takes_no_more_memory_than_that(
    make: Callable[[int], tuple[Item, ...]],
) -> None:
    known = KnownMessages(512 * 1024)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(40):
            history = make(number)
            for _ in range(2):
                orjson.dumps(to_messages([], history, PROFILES["generic"], "m", known=known))
        del history
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert known.cache.size <= 512 * 1024
    assert taken < 1.2 * (known.cache.size + known.seen.size)


def test_of_requests_that_came_once_so_much_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_messages, "MOST_SEEN_BYTES", 8000)
    known = KnownMessages()
    for _ in range(30):
        count(agent(20), known)
        assert 0 < known.seen.size <= 8000
    assert known.seen.size == sum(each.size for each in known.seen.entries)
    count((Message("", "user", (InputText("w" * 10_000),)), *agent(20)[1:]), known)
    assert not known.seen.entries
    assert not known.seen.size


def test_of_many_that_begin_alike_the_latest_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_messages, "_MOST_ALIKE", 3)
    monkeypatch.setattr(known_messages, "_MOST_SEEN", 2)
    known, history = KnownMessages(), agent(20)
    for number in range(6):
        branch = (*history, *(replace(each, id=f"{number}") for each in history[1:]))
        for _ in range(2):
            count(branch, known)
    assert len(known.cache.entries) == 3
    assert known.cache.size == sum(each.size for each in known.cache.entries)


def test_what_nobody_asks_for_is_forgotten() -> None:
    now = [0.0]
    known = KnownMessages(clock=lambda: now[0])
    first, second = agent(20), agent(20)
    for history in (first, first, second, second):
        count(history, known)
    now[0] += known_messages.SPAN_S
    assert count(first, known) == 2
    now[0] += 1
    third = agent(20)
    for _ in range(2):
        count(third, known)
    assert {id(each.items[0]) for each in known.cache.entries} == {id(first[0]), id(third[0])}
    assert [each.key for each in known.seen.entries] == [id(third[0])]
