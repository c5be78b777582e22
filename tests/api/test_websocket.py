"""Responses on a WebSocket: made as by POST, one after another, and bounded (E10)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import orjson
import pytest
from flask import Flask

from app.api import context
from app.errors import RequestTooLarge
from app.factory import create_app
from app.settings import ProviderSettings, RedisSettings, Settings, WebSocketSettings
from tests.api.conftest import PREFIX, Asker, asker
from tests.api.websockets import FakeSocket, Json, create, opened, streamed, talk

UNKNOWN = "resp_" + "0" * 48
#: Deeper than the writer of JSON can write, not deeper than its reader can read.
DEEP_STEER = (
    b'{"type": "response.steer", "previous_response_id": "x", "input": '
    + b"[" * 300
    + b"]" * 300
    + b"}"
)


def without_chance(events: list[Json]) -> list[Json]:
    """Return events without their ids and times."""
    text = orjson.dumps(events).decode()
    text = re.sub(r'"(resp|msg|rs|fc)_[0-9a-f_a-z]+"', '"id"', text)
    found: list[Json] = orjson.loads(re.sub(r'"(created|completed)_at":\d+', '"at":0', text))
    return found


def test_a_create_is_answered_with_the_events_of_a_post(owner: Asker) -> None:
    body = {"model": "local/echo", "input": "Hello", "metadata": {"a": "b"}, "unknown": 1}
    frames = talk(owner, {"type": "response.create", **body}).frames
    assert without_chance(frames) == without_chance(list(streamed(owner, body)))


def test_each_response_numbers_its_events_from_0(owner: Asker) -> None:
    frames = talk(owner, create("one"), create("two")).frames
    numbers = [frame["sequence_number"] for frame in frames]
    half = len(numbers) // 2
    assert numbers == [*range(half), *range(half)]


def test_a_response_can_be_fetched_and_continued_by_post(owner: Asker) -> None:
    (made,) = talk(owner, create("Hello")).ended()
    assert owner.ask("GET", f"/v1/responses/{made['id']}").get_json()["output"] == made["output"]
    owner.create(previous_response_id=made["id"])


def test_what_was_not_stored_is_continued_on_its_connection(owner: Asker) -> None:
    socket = FakeSocket()
    ids: list[str] = []

    def note() -> None:
        ids.append(socket.ended()[-1]["id"])
        socket.messages[:0] = follow()

    def follow() -> list[Any]:
        more = create("What?", store=False, previous_response_id=ids[-1])
        return [more, note] if len(ids) < 3 else []

    socket.messages[:0] = [create("The word is cobalt.", store=False), note]
    opened(owner).run(socket)
    assert not socket.errors()
    assert len(socket.ended()) == 3
    assert "input_tokens" in socket.ended()[-1]["usage"]
    counts = [each["usage"]["input_tokens"] for each in socket.ended()]
    assert counts == sorted(set(counts)), "each has the history of those before it"


def test_what_was_not_stored_is_unknown_on_another_connection(owner: Asker) -> None:
    (made,) = talk(owner, create("Hello", store=False)).ended()
    again = create("And?", store=False, previous_response_id=made["id"])
    (error,) = talk(owner, again).errors()
    assert (error["status"], error["error"]["code"]) == (400, "previous_response_not_found")
    assert error["error"]["param"] == "previous_response_id"


def test_a_stored_response_may_continue_one_that_was_not(owner: Asker) -> None:
    socket = FakeSocket()

    def follow() -> None:
        parent = socket.ended()[0]["id"]
        stored = create("Two", previous_response_id=parent)
        socket.messages[:0] = [stored, stored]

    socket.messages[:0] = [create("One", store=False), follow]
    opened(owner).run(socket)
    _, first, second = socket.ended()
    for each in (first, second):
        listed = owner.ask("GET", f"/v1/responses/{each['id']}/input_items?order=asc").get_json()
        said = [item["content"][0]["text"] for item in listed["data"]]
        assert said == ["One", "One", "Two"]


def test_a_lane_that_could_not_be_continued_has_forgotten_what_it_was_to_be(owner: Asker) -> None:
    socket = FakeSocket()
    output = {"type": "function_call_output", "call_id": "call_no", "output": "5"}

    def follow() -> None:
        parent = {"previous_response_id": socket.ended()[0]["id"], "store": False}
        socket.messages[:0] = [
            create([output], stream_id="other", **parent),  # not that lane's
            create("Fork", stream_id="another", **parent),
            create([output], **parent),
            create("Again", **parent),
        ]

    socket.messages[:0] = [create("One", store=False), follow]
    opened(owner).run(socket)
    codes = [each["error"]["code"] for each in socket.errors()]
    assert codes == [codes[0], codes[0], "previous_response_not_found"]
    assert socket.errors()[0]["stream_id"] == "other"
    assert len(socket.ended()) == 2


def test_what_is_only_prepared_can_be_continued(owner: Asker) -> None:
    socket = FakeSocket()

    def follow() -> None:
        parent = socket.ended()[0]["id"]
        socket.messages[:0] = [create("Now", store=False, previous_response_id=parent)]

    socket.messages[:0] = [create([], generate=False, store=False), follow]
    opened(owner).run(socket)
    prepared, answered = socket.ended()
    assert (prepared["status"], prepared["output"]) == ("completed", [])
    assert prepared["usage"]["total_tokens"] == 0
    assert answered["output"][0]["content"][0]["text"] == "Now"
    assert socket.types[:3] == ["response.created", "response.in_progress", "response.completed"]


def test_what_is_only_prepared_is_stored_as_any_other(owner: Asker) -> None:
    (made,) = talk(owner, create("Context", generate=False)).ended()
    assert owner.ask("GET", f"/v1/responses/{made['id']}").get_json()["output"] == []
    owner.create(previous_response_id=made["id"])


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        (b"{", "invalid_json", None),
        (b"", "invalid_json", None),
        (b"[]", "invalid_type", None),
        (b'"response.create"', "invalid_type", None),
        ({}, "missing_required_parameter", "type"),
        ({"type": 1}, "invalid_type", "type"),
        ({"type": "session.update"}, "invalid_value", "type"),
        (create(stream_id=""), "invalid_stream_id", "stream_id"),
        (create(stream_id="a b"), "invalid_stream_id", "stream_id"),
        (create(stream_id="a" * 257), "invalid_stream_id", "stream_id"),
        (create(stream_id=1), "invalid_stream_id", "stream_id"),
        (create(generate="no"), "invalid_type", "generate"),
        (create(stream=False), "unsupported_value", "stream"),
        (create(stream="yes"), "invalid_type", "stream"),
        (create(stream=1), "invalid_type", "stream"),
        (create(background=True), "unsupported_value", "background"),
        (create(temperature="hot"), "invalid_type", "temperature"),
        (create(model="nobody/knows"), "model_not_found", "model"),
        (create(previous_response_id=UNKNOWN), "previous_response_not_found", None),
        (create([]), "invalid_value", "input"),
        ({"type": "response.create", "model": "local/echo"}, "missing_required_parameter", "input"),
        ({"type": "response.cancel"}, "response_not_cancellable", None),
        (
            {"type": "response.cancel", "response_id": UNKNOWN},
            "response_not_cancellable",
            "response_id",
        ),
        ({"type": "response.steer", "input": "x"}, "missing_required_parameter", None),
        (DEEP_STEER, "invalid_value", "input"),
    ],
)
def test_bad_input_is_an_error_with_its_status_and_leaves_the_connection_open(
    owner: Asker, message: Json | bytes, code: str, param: str | None
) -> None:
    socket = talk(owner, message, create("still there"))
    (error,) = socket.errors()
    assert error["error"]["code"] == code
    assert 400 <= error["status"] < 500
    assert error["error"]["message"]
    assert param is None or error["error"]["param"] == param
    assert socket.ended()[0]["output"][0]["content"][0]["text"] == "still there"


@pytest.mark.parametrize("wrong", [create(temperature="hot"), create(stream=False), b"{"])
def test_an_error_has_the_headers_that_its_answer_would_have_had(
    owner: Asker, wrong: Json | bytes
) -> None:
    (error,) = talk(owner, wrong).errors()
    assert error["error"]["headers"]["x-request-id"]


def test_an_error_has_a_code_as_open_responses_wants_it(owner: Asker) -> None:
    """Where the error of a POST has none."""
    orphan = [{"type": "function_call_output", "call_id": "call_no", "output": "5"}]
    body = {"model": "local/echo", "input": orphan}
    posted = owner.ask("POST", "/v1/responses", body).get_json()["error"]
    (error,) = talk(owner, create(orphan)).errors()
    assert posted["code"] is None
    assert error["error"].items() >= (posted | {"code": posted["type"]}).items()


def test_a_foreign_response_is_unknown(owner: Asker, stranger: Asker) -> None:
    (error,) = talk(owner, create(previous_response_id=stranger.create())).errors()
    assert error["error"]["code"] == "previous_response_not_found"


def test_a_bug_in_reading_a_message_closes_with_1011(
    owner: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.api.websocket.session.steered", lambda _: 1 // 0)
    steer = {"type": "response.steer", "previous_response_id": UNKNOWN, "input": "Faster"}
    socket = talk(owner, create("first"), steer)
    assert socket.ended()[0]["status"] == "completed"
    assert socket.closed == (1011, "internal error")


def test_what_waits_is_not_begun_once_a_bug_has_closed_the_connection(
    owner: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody would read it, and its model would be paid for."""
    monkeypatch.setattr("app.api.websocket.session.steered", lambda _: 1 // 0)
    steer = {"type": "response.steer", "previous_response_id": UNKNOWN, "input": "Faster"}
    socket = FakeSocket(create("runs"), create("waits"), steer, lambda: socket.run(), holds=True)
    log = Mock()
    monkeypatch.setattr("app.api.websocket.session.log", log)
    opened(owner).run(socket)
    line = log.info.call_args.kwargs
    assert (line["code"], line["reason"]) == socket.closed == (1011, "internal error")
    assert len(socket.ended()) == 1


def test_a_long_message_at_the_end_of_a_session_is_why_it_closes(
    owner: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = opened(owner)
    socket = FakeSocket(create("runs"), session.retire, create("x" * 70_000), holds=True)
    monkeypatch.setattr(socket, "receive", _one_too_long(socket.receive))
    monkeypatch.setattr(socket, "hang_up", socket.run)  # what runs, ends
    session.run(socket)
    assert socket.closed == (1009, "message too big")


def _one_too_long(receive: Callable[..., Any]) -> Callable[..., Any]:
    """Return a `receive` to which a message of more than 64 KiB is too long."""

    def limited(_: Callable[[int], None]) -> Any:
        message = receive(lambda _: None)
        if message is not None and len(message.data) > 65536:
            raise RequestTooLarge("too long")
        return message

    return limited


def test_steering_is_refused_by_name_and_gives_the_input_back(owner: Asker) -> None:
    steer = {"type": "response.steer", "previous_response_id": UNKNOWN, "input": "Faster"}
    (frame,) = talk(owner, steer).frames
    assert frame["type"] == "response.steer.failed"
    assert frame["error"]["code"] == "steering_not_supported"
    assert frame["steer"] == {"previous_response_id": UNKNOWN, "input": "Faster"}


def test_steering_gives_all_of_the_input_back_whatever_is_known_of_it(owner: Asker) -> None:
    items = [{"role": "user", "content": f"{number} {'x' * 3000}"} for number in range(5)]
    steer = {"type": "response.steer", "previous_response_id": UNKNOWN, "input": items}
    frames = talk(owner, steer, steer, steer).frames
    assert [frame["steer"]["input"] for frame in frames] == [items] * 3


def test_codexs_word_that_it_has_read_a_response_is_no_error(owner: Asker) -> None:
    assert talk(owner, {"type": "response.processed", "response_id": UNKNOWN}).frames == []


def test_events_of_a_lane_name_it(owner: Asker) -> None:
    socket = talk(owner, create("a", stream_id="main"), create("b"))
    named = [frame.get("stream_id") for frame in socket.frames]
    half = len(named) // 2
    assert named == ["main"] * half + [None] * half
    assert list(socket.frames[0])[-1] == "stream_id"


@pytest.mark.parametrize(
    "wrong", [{"generate": "no"}, {"stream": False}, {"type": "response.delete"}, {"model": 5}]
)
def test_errors_of_a_lane_name_it(owner: Asker, wrong: Json) -> None:
    (error,) = talk(owner, create(stream_id="main") | wrong).errors()
    assert error["stream_id"] == "main"


@pytest.mark.parametrize("stream_id", ["", "a b", 5, ["main"], {}])
def test_an_error_about_a_lane_that_cannot_be_names_none(owner: Asker, stream_id: object) -> None:
    (error,) = talk(owner, create(stream_id=stream_id)).errors()
    assert "stream_id" not in error


def test_a_refusal_that_passes_says_when_to_retry(owner: Asker) -> None:
    many = [create(stream_id="main") for _ in range(66)]
    socket = FakeSocket(
        *many, lambda: refused.extend(socket.errors()), lambda: socket.run(), holds=True
    )
    refused: list[Json] = []
    opened(owner).run(socket)
    assert [each["error"]["headers"]["retry-after"] for each in refused] == ["1"]


def test_a_lane_is_answered_in_order_and_lanes_at_once(owner: Asker) -> None:
    socket = FakeSocket(
        create("a1", stream_id="a"),
        create("a2", stream_id="a"),
        create("b1", stream_id="b"),
        lambda: begun.append(len(socket._waiting)),
        lambda: socket.run(),
        holds=True,
    )
    begun: list[int] = []
    opened(owner).run(socket)
    assert begun == [2], "one of each lane"
    said = [each["output"][0]["content"][0]["text"] for each in socket.ended()]
    assert said == ["a1", "b1", "a2"]


def test_a_connection_has_so_many_lanes_and_no_more(owner: Asker) -> None:
    lanes = [create("x", stream_id=f"lane-{n}") for n in range(33)]
    socket = talk(owner, *lanes, create("y", stream_id="lane-3"))
    (error,) = socket.errors()
    assert error["error"]["code"] == "websocket_stream_limit_reached"
    assert error["stream_id"] == "lane-32"
    assert len(socket.ended()) == 33


def test_so_many_run_at_once_and_the_others_wait(owner: Asker) -> None:
    lanes = [create("x", stream_id=f"lane-{n}") for n in range(20)]
    socket = FakeSocket(
        *lanes, lambda: begun.append(len(socket._waiting)), lambda: socket.run(), holds=True
    )
    begun: list[int] = []
    opened(owner).run(socket)
    assert begun == [16]
    assert len(socket.ended()) == 20


def test_too_many_that_wait_are_refused(owner: Asker) -> None:
    socket = FakeSocket(*[create("x")] * 70, lambda: socket.run(), holds=True)
    opened(owner).run(socket)
    assert {error["status"] for error in socket.errors()} == {429}
    assert len(socket.ended()) == 65


def test_each_response_has_a_log_entry_and_counts_as_a_request(owner: Asker, app: Flask) -> None:
    talk(owner, create("a"), create("b"))
    with app.app_context():
        context.services().meter.book.flush()
    usage = owner.ask("GET", "/v1/usage").get_json()
    assert usage["total"]["requests"] == 2


@pytest.mark.parametrize("ending", ["age", "idle", "key", "restart"])
def test_a_session_ends_with_its_code(owner: Asker, app: Flask, ending: str) -> None:
    session = opened(owner)
    socket = FakeSocket(lambda: end(), create("late"))

    def end() -> None:
        if ending == "restart":
            session.retire()
        elif ending == "key":
            with app.app_context():
                accounts = context.services().accounts
                (key,) = accounts.keys("owner")
                accounts.deactivate(key.id, by="test")
            authenticator = accounts._authenticator
            authenticator._seen = type(authenticator._seen)("", float("-inf"))  # long ago
            session.look(0)
        else:
            session.look({"age": 1e12, "idle": time.monotonic() + 1000}[ending])

    session.run(socket)
    codes = {"age": 1001, "idle": 1001, "key": 1008, "restart": 1012}
    assert socket.closed is not None
    assert socket.closed[0] == codes[ending]
    said = [error["error"]["code"] for error in socket.errors()]
    assert said == {"age": ["websocket_connection_limit_reached"], "key": ["invalid_api_key"]}.get(
        ending, []
    )


def test_what_runs_ends_before_a_session_closes_and_what_waits_is_refused(owner: Asker) -> None:
    session = opened(owner)
    socket = FakeSocket(
        create("runs"),
        create("waits"),
        lambda: session.retire(),
        lambda: seen.append(socket.closed),
        create("late"),
        lambda: socket.run(),
        holds=True,
    )
    seen: list[object] = []
    session.run(socket)
    assert seen == [None]
    (made,) = socket.ended()
    assert made["output"][0]["content"][0]["text"] == "runs"
    assert [error["status"] for error in socket.errors()] == [503, 503]
    assert socket.closed == (1012, "restart")


def test_a_caller_who_has_gone_leaves_nothing_behind(owner: Asker, app: Flask) -> None:
    session = opened(owner)
    socket = FakeSocket(create("x", store=False), lambda: setattr(socket, "fault", OSError()))
    session.run(socket)
    with app.app_context():
        services = context.services()
    assert services.websockets.memory._size == 0
    assert services.websockets._by_key.total() == 0
    assert services.in_flight.requests_share() == 0


@pytest.fixture
def small(redis_url: str) -> Flask:
    """A gateway that has room for little."""
    return create_app(
        Settings(
            providers=(ProviderSettings(name="local", api="local"),),
            redis=RedisSettings(url=redis_url, prefix=PREFIX),
            websocket=WebSocketSettings(max_sessions_per_key=1, max_sessions=2, memory_mb=1),
            log_level="CRITICAL",
        )
    )


def test_what_connections_remember_is_bounded(app: Flask, small: Flask) -> None:
    one = asker(small, "owner")
    socket = FakeSocket()

    def follow() -> None:
        first = socket.ended()[0]["id"]
        socket.messages[:0] = [create("And?", store=False, previous_response_id=first)]

    long = "x" * 600_000
    socket.messages[:0] = [
        create("Hi", store=False, stream_id="a"),
        create(long, store=False, stream_id="b"),
        follow,
    ]
    opened(one).run(socket)
    assert [error["error"]["code"] for error in socket.errors()] == ["previous_response_not_found"]
