"""What of Flask is left: handlers, hooks, error handlers, requests as Werkzeug reads them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import (
    Blueprint,
    current_app,
    g,
    has_app_context,
    has_request_context,
    request,
    session,
)
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from app.api.http.flask_app import SlimFlask, SlimRequest
from app.api.http.response import WSGIResponse

TEXT = "text/plain"


def app_of(register: Callable[[Blueprint], object]) -> SlimFlask:
    """Return an app with one blueprint."""
    app, bp = SlimFlask(__name__), Blueprint("b", __name__, url_prefix="/b")
    register(bp)
    app.register_blueprint(bp)
    return app


def answering(handler: Callable[..., ResponseReturnValue], path: str = "") -> SlimFlask:
    """Return an app whose blueprint has one handler."""
    return app_of(lambda bp: bp.get(path)(handler))


class Sent:
    """What an answer sends, where a server would take it."""

    def __init__(self, answer: WSGIResponse, method: str = "GET") -> None:
        pieces = answer({"REQUEST_METHOD": method}, self.start)
        self.body = b"".join(pieces)
        self.close = getattr(pieces, "close", None)

    def start(self, status: str, headers: list[tuple[str, str]], _info: Any = None) -> Any:
        """Take the status and the headers."""
        self.status, self.headers = status, dict(headers)


# answers


def test_an_answer_says_how_long_and_of_what_kind_it_is() -> None:
    sent = Sent(WSGIResponse(b"hello", 404, {"X-A": "1"}, content_type=TEXT))
    assert (sent.status, sent.body) == ("404 NOT FOUND", b"hello")
    assert sent.headers == {"X-A": "1", "Content-Type": TEXT, "Content-Length": "5"}


def test_a_status_without_a_name_is_sent_too() -> None:
    assert Sent(WSGIResponse(b"", 499, content_type=TEXT)).status == "499 UNKNOWN"


def test_the_headers_that_it_is_made_with_stay_as_they_were() -> None:
    given = {"X-A": "1"}
    WSGIResponse(b"", headers=given, content_type=TEXT).headers["X-B"] = "2"
    assert given == {"X-A": "1"}


@pytest.mark.parametrize("harm", ["a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\r"])
def test_no_header_breaks_out_of_its_line(harm: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        WSGIResponse(b"", headers={"X-A": harm}, content_type=TEXT)


def test_a_head_is_answered_without_a_body() -> None:
    sent = Sent(WSGIResponse(b"hello", content_type=TEXT), "HEAD")
    assert (sent.body, sent.headers["Content-Length"]) == (b"", "5")


class Stream:
    """A stream that knows whether it was closed, and may fail at that."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.closed = False
        self._fault = fault
        self._pieces = iter([b"one ", b"two"])

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        """End it."""
        self.closed = True
        if self._fault is not None:
            raise self._fault


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_stream_is_closed_and_then_over(method: str) -> None:
    stream, over = Stream(), list[bool]()
    answer = WSGIResponse(stream, content_type=TEXT)
    answer.over = lambda: over.append(stream.closed)
    sent = Sent(answer, method)
    assert sent.body == (b"one two" if method == "GET" else b"")
    assert "Content-Length" not in sent.headers
    assert over == []
    assert sent.close is not None
    sent.close()
    assert over == [True]


def test_a_stream_that_fails_to_close_is_over_all_the_same() -> None:
    over = list[bool]()
    answer = WSGIResponse(Stream(OSError("away")), content_type=TEXT)
    answer.over = lambda: over.append(True)
    with pytest.raises(OSError, match="away"):
        answer.close()
    assert over == [True]


def test_a_stream_that_nobody_waits_for_is_closed() -> None:
    WSGIResponse(iter([b""]), content_type=TEXT).close()


# handlers


def test_what_flask_makes_an_answer_of_is_answered() -> None:
    response = answering(lambda: ({"a": 1}, 202, {"X-A": "1"})).test_client().get("/b")
    assert (response.status_code, response.get_json(), response.headers["X-A"]) == (
        202,
        {"a": 1},
        "1",
    )


def test_a_part_of_a_path_is_the_handlers_to_know() -> None:
    client = answering(lambda **given: given, "/<name>").test_client()
    assert client.get("/b/x%20%C3%A4").json == {"name": "x ä"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/b", 200),
        ("POST", "/b", 405),
        ("GET", "/b/", 404),
        ("GET", "/", 404),
        ("GET", "/%62", 200),
        ("get", "/b", 200),
    ],
)
def test_a_path_is_one_thing_and_no_other(method: str, path: str, status: int) -> None:
    client = answering(lambda: WSGIResponse(b"", content_type=TEXT)).test_client()
    assert client.open(path, method=method).status_code == status


def test_the_hooks_of_the_app_come_before_those_of_the_blueprint() -> None:
    seen = list[str]()

    def handler() -> ResponseReturnValue:
        seen.append("handler")
        return WSGIResponse(b"", content_type=TEXT)

    def after(answer: WSGIResponse) -> WSGIResponse:
        seen.append("after")
        return answer

    def register(bp: Blueprint) -> None:
        bp.before_request(lambda: seen.append("blueprint"))
        bp.get("")(handler)

    app = app_of(register)
    app.before_request(lambda: seen.append("app"))
    app.after_request(after)
    app.test_client().get("/b")
    app.test_client().get("/nowhere")
    assert seen == ["app", "blueprint", "handler", "after", "app", "after"]


def test_an_error_has_its_handler() -> None:
    def fail() -> ResponseReturnValue:
        raise LookupError

    app = answering(fail)
    app.register_error_handler(LookupError, lambda _: WSGIResponse(b"lost", 404, content_type=TEXT))
    assert app.test_client().get("/b").data == b"lost"


def test_a_hook_that_fails_is_an_error_and_then_no_more() -> None:
    def fail(_answer: WSGIResponse) -> WSGIResponse:
        raise LookupError

    app = answering(lambda: WSGIResponse(b"", content_type=TEXT))
    app.after_request(fail)
    app.register_error_handler(
        HTTPException, lambda error: WSGIResponse(b"sorry", error.code or 0, content_type=TEXT)
    )
    response = app.test_client().get("/b")
    assert (response.status_code, response.data) == (500, b"sorry")


def test_the_proxies_are_a_handlers_and_nobodys_after_it() -> None:
    def handler() -> ResponseReturnValue:
        g.mine = current_app.name
        return {"app": g.mine, "path": request.path, "session": dict(session)}

    app = answering(handler)
    response = app.test_client().get("/b")
    assert response.json == {"app": app.name, "path": "/b", "session": {}}
    assert (has_app_context(), has_request_context()) == (False, False)


def test_an_error_that_nobody_handles_leaves_no_context() -> None:
    def fail() -> ResponseReturnValue:
        raise LookupError

    app = answering(fail)
    app.testing = True
    with app.app_context():
        g.mine = "outer"
        with pytest.raises(LookupError):
            app.test_client().get("/b")
        assert (g.mine, has_request_context()) == ("outer", False)


def test_a_request_does_not_see_what_is_held_around_it() -> None:
    app = answering(lambda: {"seen": "mine" in g})
    with app.app_context():
        g.mine = "outer"
        assert app.test_client().get("/b").json == {"seen": False}


def test_a_client_that_is_entered_keeps_the_request() -> None:
    with answering(lambda: WSGIResponse(b"", content_type=TEXT)).test_client() as client:
        client.get("/b?x=1")
        assert request.args["x"] == "1"


# requests


def test_what_is_asked_for_is_read_as_werkzeug_reads_it() -> None:
    app = answering(
        lambda: {
            "args": request.args.getlist("x"),
            "agent": request.headers["User-Agent"],
            "url": request.url,
            "endpoint": request.endpoint,
        }
    )
    document = app.test_client().get("/b?x=1&x=2", headers={"User-Agent": "me"}).json
    assert document == {
        "args": ["1", "2"],
        "agent": "me",
        "url": "http://localhost/b?x=1&x=2",
        "endpoint": "b.<lambda>",
    }


def test_a_request_has_no_more_than_werkzeug_gives_it() -> None:
    payload = SlimRequest({"REQUEST_METHOD": "GET", "PATH_INFO": "/"})
    assert not hasattr(payload, "whatever")
    assert copy.copy(payload).path == "/"


def test_no_url_is_built() -> None:
    adapter = answering(lambda: "here", "/<name>").url_map.bind("gateway.example")
    with pytest.raises(NotImplementedError):
        adapter.build("b.<lambda>", {"name": "it"})
