"""A bound on the requests in flight and on what their bodies take."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from dataclasses import replace
from random import Random
from typing import Any
from unittest.mock import Mock

import pytest
from flask import Flask
from werkzeug.test import TestResponse, create_environ

from app.api import context
from app.api.in_flight import InFlight
from app.errors import RateLimited, RequestTooLarge, Unavailable
from tests.api.conftest import Asker

MEBIBYTE = 1024 * 1024
ASKED = {"model": "local/echo", "input": "Hi"}


def test_so_many_are_let_in_and_no_more() -> None:
    bound = InFlight(2, 1)
    places = [bound.enter(0) for _ in range(2)]
    with pytest.raises(Unavailable) as refused:
        bound.enter(0)
    assert (refused.value.code, refused.value.retry_after_s) == ("overloaded", 1)
    bound.leave(places[0])
    bound.enter(0)


def test_a_place_is_given_back_once() -> None:
    bound = InFlight(1, 1)
    place = bound.enter(MEBIBYTE)
    bound.leave(place)
    bound.leave(place)
    bound.enter(MEBIBYTE)
    with pytest.raises(Unavailable):
        bound.enter(1)


def test_bodies_together_take_no_more_than_the_bound() -> None:
    bound = InFlight(10, 1)
    bound.enter(MEBIBYTE)
    bound.enter(0)
    with pytest.raises(Unavailable):
        bound.enter(1)


def test_a_body_that_never_finds_room_is_too_large() -> None:
    bound = InFlight(10, 1)
    with pytest.raises(RequestTooLarge):
        bound.enter(MEBIBYTE + 1)
    place = bound.enter(0)
    with pytest.raises(RequestTooLarge):
        bound.weigh(place, MEBIBYTE + 1)


def entered(bound: InFlight, key_id: str, body_bytes: int = 0) -> None:
    """Let a request of a key in."""
    bound.claim(bound.enter(body_bytes), key_id)


def test_a_key_with_more_than_half_gets_no_more_where_it_is_crowded() -> None:
    bound = InFlight(10, 1)
    for _ in range(7):
        entered(bound, "greedy")  # below four fifths there are no shares
    with pytest.raises(RateLimited) as refused:
        entered(bound, "greedy")
    assert (refused.value.code, refused.value.retry_after_s) == ("rate_limit_exceeded", 1)
    entered(bound, "modest")


def test_a_key_with_half_may_fill_what_is_left() -> None:
    bound = InFlight(10, 1)
    for key_id in ("one", "other") * 5:
        entered(bound, key_id)
    with pytest.raises(Unavailable):
        bound.enter(0)


def test_bodies_are_shared_likewise() -> None:
    bound = InFlight(100, 10)
    entered(bound, "greedy", 6 * MEBIBYTE)
    entered(bound, "modest", 1 * MEBIBYTE)
    with pytest.raises(RateLimited):
        entered(bound, "greedy", 1 * MEBIBYTE)
    entered(bound, "modest", 1 * MEBIBYTE)


def test_a_body_that_grows_is_held_to_its_share() -> None:
    bound = InFlight(100, 10)
    entered(bound, "greedy", 5 * MEBIBYTE)
    place = bound.enter(0)
    bound.claim(place, "greedy")
    for size in range(1, 4):
        bound.weigh(place, size * MEBIBYTE)
    with pytest.raises(RateLimited):
        bound.weigh(place, 4 * MEBIBYTE)
    bound.weigh(place, MEBIBYTE)


def test_a_body_counts_as_what_it_turns_out_to_be() -> None:
    bound = InFlight(10, 1)
    place = bound.enter(MEBIBYTE)
    bound.weigh(place, 10)
    bound.enter(MEBIBYTE - 10)
    with pytest.raises(Unavailable):
        bound.weigh(place, 11)
    bound.leave(place)
    bound.enter(10)


def test_what_is_stored_counts_beside_the_body() -> None:
    bound = InFlight(10, 1)
    place = bound.enter(MEBIBYTE // 2)
    bound.add_stored(place, MEBIBYTE // 4)
    bound.weigh(place, MEBIBYTE // 4)
    bound.add_stored(place, MEBIBYTE // 2)
    with pytest.raises(Unavailable):
        bound.enter(1)
    bound.add_stored(place, -MEBIBYTE // 2)
    bound.leave(bound.enter(MEBIBYTE // 2))
    bound.leave(place)
    bound.enter(MEBIBYTE)


def test_what_is_stored_never_has_room_where_a_process_has_less() -> None:
    bound = InFlight(10, 1)
    place, other = bound.enter(0), bound.enter(1)
    with pytest.raises(Unavailable):
        bound.add_stored(place, MEBIBYTE)
    with pytest.raises(RequestTooLarge, match="begin a new one"):
        bound.add_stored(place, MEBIBYTE + 1)
    bound.leave(other)
    bound.add_stored(place, MEBIBYTE)


def test_a_key_has_its_share_of_what_is_stored_as_well() -> None:
    bound = InFlight(100, 10)
    entered(bound, "greedy", 5 * MEBIBYTE)
    place = bound.enter(0)
    bound.claim(place, "greedy")
    bound.add_stored(place, 4 * MEBIBYTE)
    with pytest.raises(RateLimited):
        bound.add_stored(place, 1)
    bound.add_stored(place, -MEBIBYTE // 2)  # what is given back is never refused
    with pytest.raises(RateLimited):
        bound.add_stored(place, 1)
    assert free_bytes(bound) == 1.5 * MEBIBYTE


def test_of_requests_that_come_at_once_one_is_served() -> None:
    bound = InFlight(100, 10)
    first, *others = [bound.enter(1) for _ in range(8)]
    for place in (first, *others):
        bound.claim(place, "only")
    bound.add_stored(first, 9 * MEBIBYTE)
    for place in others:
        with pytest.raises(Unavailable):
            bound.add_stored(place, 9 * MEBIBYTE)
    bound.add_stored(first, MEBIBYTE // 2)  # once it has read that, it wants a little more


def test_one_request_alone_may_have_all_there_is() -> None:
    bound = InFlight(100, 10)
    place = bound.enter(0)
    bound.claim(place, "only")
    for size in range(1, 6):
        bound.weigh(place, size * MEBIBYTE)
        bound.add_stored(place, MEBIBYTE)
    bound.add_stored(place, -5 * MEBIBYTE)
    assert free_bytes(bound) == 5 * MEBIBYTE


def test_a_conversation_that_just_fits_is_served_to_one_caller(app: Flask, owner: Asker) -> None:
    noise = b64encode(Random(1).randbytes(MEBIBYTE)).decode()  # noqa: S311 - no secret
    parent = None
    for _ in range(2):  # what Redis hands on of two turns counts, too, until it is read
        parent = owner.create(input=noise, previous_response_id=parent)
    bound = bounded(app, InFlight(10, 17))
    body = ASKED | {"previous_response_id": parent}
    assert owner.ask("POST", "/v1/responses", body).status_code == 200
    assert (bound._places, free_bytes(bound)) == ({}, 17 * MEBIBYTE)


def test_nothing_is_counted_of_a_request_that_has_left() -> None:
    bound = InFlight(10, 1)
    place = bound.enter(0)
    bound.leave(place)
    bound.add_stored(place, 2 * MEBIBYTE)
    bound.enter(MEBIBYTE)


# in a whole gateway


def bounded(app: Flask, bound: InFlight) -> InFlight:
    """Have the gateway keep to this bound."""
    with app.app_context():
        context.install(app, replace(context.services(), in_flight=bound))
    return bound


def free_bytes(bound: InFlight) -> int:
    """Return how much a body may still take."""
    return bound._max_bytes - bound._bytes


def ask(owner: Asker, body: bytes, header: str, value: str) -> TestResponse:
    headers = {
        "Authorization": f"Bearer {owner.secret}",
        "Content-Type": "application/json",
        header: value,
    }
    return owner.client.post("/v1/responses", headers=headers, data=body)


def test_a_request_too_many_is_told_to_come_back(app: Flask, owner: Asker) -> None:
    bounded(app, InFlight(0, 1))
    response = owner.ask("POST", "/v1/responses", ASKED)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert response.get_json()["error"]["code"] == "overloaded"


def test_probes_are_let_in_however_busy_it_is(app: Flask, owner: Asker) -> None:
    bounded(app, InFlight(0, 0))
    assert owner.client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        ASKED,
        ASKED | {"stream": True},
        ASKED | {"background": True},
        {"model": 1},
        ASKED | {"model": "nobody"},
    ],
    ids=["whole", "stream", "background", "invalid", "unknown model"],
)
def test_every_ending_gives_the_place_back(app: Flask, owner: Asker, body: object) -> None:
    bound = bounded(app, InFlight(1, 1))
    for _ in range(2):
        response = owner.ask("POST", "/v1/responses", body)
        assert response.status_code != 503
        response.get_data()
        response.close()
    assert (bound._places, free_bytes(bound)) == ({}, MEBIBYTE)


def test_a_key_with_more_than_half_of_a_gateway_is_refused(
    app: Flask, owner: Asker, stranger: Asker
) -> None:
    bounded(app, InFlight(3, 1))
    streams = [owner.ask("POST", "/v1/responses", ASKED | {"stream": True}) for _ in range(2)]
    refused = owner.ask("GET", "/v1/models")
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (
        429,
        "rate_limit_exceeded",
    )
    assert stranger.ask("GET", "/v1/models").status_code == 200
    for each in streams:
        each.close()
    assert owner.ask("GET", "/v1/models").status_code == 200


def test_a_body_in_chunks_counts_as_what_has_come(app: Flask, owner: Asker) -> None:
    bound = bounded(app, InFlight(10, 1))
    counted = []

    class Chunks:
        """Three pieces; notes what is accounted for when the next one is wanted."""

        left = 3

        def read(self, size: int) -> bytes:
            counted.append(bound._bytes)
            self.left -= 1
            return b" " * 1000 if self.left >= 0 else b""

    response = owner.client.post(
        "/v1/responses",
        headers={
            "Authorization": f"Bearer {owner.secret}",
            "Content-Type": "application/json",
            "Transfer-Encoding": "chunked",
        },
        environ_overrides={"wsgi.input": Chunks(), "wsgi.input_terminated": True},
    )
    assert (response.status_code, counted) == (400, [0, 1000, 2000, 3000])


def test_a_body_counts_as_what_it_becomes(app: Flask, owner: Asker) -> None:
    bounded(app, InFlight(10, 1))
    many = [{"role": "user", "content": "Hi"}] * 3000  # 90 kB
    response = owner.ask("POST", "/v1/responses", ASKED | {"input": many})
    assert (response.status_code, response.get_json()["error"]["code"]) == (
        413,
        "request_too_large",
    )
    bound = bounded(app, InFlight(10, 2))
    assert owner.ask("POST", "/v1/responses", ASKED | {"input": many}).status_code == 200
    bound.enter(MEBIBYTE)
    response = owner.ask("POST", "/v1/responses", ASKED | {"input": many})
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert response.get_json()["error"]["code"] == "overloaded"


def test_a_body_counts_as_what_it_inflates_to(app: Flask, owner: Asker) -> None:
    bounded(app, InFlight(10, 1))
    for size, status in ((MEBIBYTE // 3, 200), (2 * MEBIBYTE, 413)):
        body = json.dumps(ASKED | {"input": "a" * size}).encode()
        response = ask(owner, gzip.compress(body), "Content-Encoding", "gzip")
        assert response.status_code == status


#: A text that is nothing in Redis, and more than the bound of the tests below once it is read. It
#: has few words, as each is an event of its answer.
LONG = ("what_was_said_" * 1_000 + " ") * 40


def reads(owner: Asker) -> list[tuple[str, str, object]]:
    """Store a response, and a conversation, with something long; return every request that reads
    it.
    """
    response_id = owner.create(input=LONG)
    message = {"type": "message", "role": "user", "content": LONG}
    conversation = owner.ask("POST", "/v1/conversations", {"items": [message]}).get_json()
    conversation_id = conversation["id"]
    page = owner.ask("GET", f"/v1/responses/{response_id}/input_items").get_json()
    item = {"type": "item_reference", "id": page["first_id"]}
    continued = ASKED | {"previous_response_id": response_id}
    queued = owner.create(input=LONG, background=True)
    stream = owner.ask("POST", "/v1/responses", ASKED | {"input": LONG, "stream": True}).text
    streamed = json.loads(stream.partition("data: ")[2].partition("\n")[0])["response"]["id"]
    return [
        ("GET", f"/v1/responses/{response_id}", None),
        ("GET", f"/v1/responses/{response_id}/input_items", None),
        ("GET", f"/v1/responses/{streamed}?stream=true", None),
        ("GET", f"/v1/responses/{queued}", None),
        ("GET", f"/v1/responses/{queued}/input_items", None),
        ("GET", f"/v1/conversations/{conversation_id}/items", None),
        ("POST", "/v1/responses", continued),
        ("POST", "/v1/responses", continued | {"stream": True}),
        ("POST", "/v1/responses", continued | {"background": True}),
        ("POST", "/v1/responses", ASKED | {"conversation": conversation_id}),
        ("POST", "/v1/responses", ASKED | {"input": [item]}),
        ("POST", "/v1/responses/input_tokens", continued),
        ("POST", "/v1/responses/compact", continued),
    ]


def test_what_is_read_of_the_store_is_within_the_bound(app: Flask, owner: Asker) -> None:
    requests = reads(owner)
    bound = bounded(app, InFlight(10, 1))
    for method, path, body in requests:
        response = owner.ask(method, path, body)
        assert (response.status_code, response.get_json()["error"]["code"]) == (
            413,
            "request_too_large",
        ), (path, body)
        assert (bound._places, free_bytes(bound)) == ({}, MEBIBYTE)


def test_what_is_kept_of_an_idempotent_request_is_within_the_bound(
    app: Flask, owner: Asker
) -> None:
    body = json.dumps(ASKED | {"input": LONG, "store": False}).encode()
    assert ask(owner, body, "Idempotency-Key", "a").status_code == 200
    bounded(app, InFlight(10, 2))  # the body has room, and what was answered has not
    again = ask(owner, body, "Idempotency-Key", "a")
    assert (again.status_code, again.get_json()["error"]["code"]) == (413, "request_too_large")


def test_what_has_no_room_now_is_told_to_come_back(app: Flask, owner: Asker) -> None:
    requests = reads(owner)
    bound = bounded(app, InFlight(10, 8))
    other = bound.enter(8 * MEBIBYTE - 100_000)
    for method, path, body in requests:
        response = owner.ask(method, path, body)
        assert (response.status_code, response.headers["Retry-After"]) == (503, "1"), (path, body)
        assert response.get_json()["error"]["code"] == "overloaded"
    bound.leave(other)
    for method, path, body in requests:
        response = owner.ask(method, path, body)
        assert response.status_code != 503, (path, body)
        response.get_data()
        response.close()
    assert (bound._places, free_bytes(bound)) == ({}, 8 * MEBIBYTE)


def test_what_is_read_while_an_answer_is_sent_counts_too(app: Flask) -> None:
    bound = bounded(app, InFlight(10, 1))
    with app.app_context():
        context.current().place = bound.enter(0)
        resumed = context.resuming()
    with resumed():
        context.make_room(100)
    context.make_room(1000)  # nobody's
    assert free_bytes(bound) == MEBIBYTE - 100


def test_a_long_answer_keeps_its_place_until_it_is_sent(app: Flask, owner: Asker) -> None:
    item = {"type": "message", "role": "user", "content": LONG * 2}
    conversation = owner.ask("POST", "/v1/conversations", {"items": [item]}).get_json()
    bound = bounded(app, InFlight(10, 8))
    environ = create_environ(f"/v1/conversations/{conversation['id']}/items")
    environ["HTTP_AUTHORIZATION"] = f"Bearer {owner.secret}"
    pieces: Any = app.wsgi_app(environ, Mock())
    assert len(b"".join(pieces)) > 2 * len(LONG)
    assert free_bytes(bound) < 6 * MEBIBYTE
    pieces.close()
    assert (bound._places, free_bytes(bound)) == ({}, 8 * MEBIBYTE)
