"""A bound on the requests in flight and on what their bodies take."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.api import current
from app.api.in_flight import InFlight
from app.errors import Unavailable
from app.schemas.bodies import MAX_BODY_BYTES
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


def test_a_body_counts_as_what_it_turns_out_to_be() -> None:
    bound = InFlight(10, 1)
    place = bound.enter(MEBIBYTE)
    bound.weigh(place, 10)
    bound.enter(MEBIBYTE - 10)
    with pytest.raises(Unavailable):
        bound.weigh(place, 11)
    bound.leave(place)
    bound.enter(10)


# in a whole gateway


def bounded(app: Flask, bound: InFlight) -> InFlight:
    """Have the gateway keep to this bound."""
    with app.app_context():
        current.install(app, replace(current.services(), in_flight=bound))
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
    told = owner.ask("POST", "/v1/responses", ASKED)
    assert (told.status_code, told.headers["Retry-After"]) == (503, "1")
    assert told.get_json()["error"]["code"] == "overloaded"


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
        told = owner.ask("POST", "/v1/responses", body)
        assert told.status_code != 503
        told.get_data()
        told.close()
    assert (bound._places, free_bytes(bound)) == ({}, MEBIBYTE)


def test_a_body_in_chunks_counts_as_the_longest_until_it_is_read(app: Flask, owner: Asker) -> None:
    bounded(app, InFlight(10, MAX_BODY_BYTES // MEBIBYTE - 1))
    body = json.dumps(ASKED).encode()
    assert ask(owner, body, "Transfer-Encoding", "chunked").status_code == 503
    bounded(app, InFlight(10, MAX_BODY_BYTES // MEBIBYTE))
    assert ask(owner, body, "Transfer-Encoding", "chunked").status_code != 503


def test_a_body_counts_as_what_it_inflates_to(app: Flask, owner: Asker) -> None:
    bounded(app, InFlight(10, 1))
    for size, status in ((MEBIBYTE // 2, 200), (2 * MEBIBYTE, 503)):
        body = json.dumps(ASKED | {"input": "a" * size}).encode()
        told = ask(owner, gzip.compress(body), "Content-Encoding", "gzip")
        assert told.status_code == status
