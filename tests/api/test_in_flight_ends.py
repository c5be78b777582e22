"""What requests take of a process is given back, however they end: none is left where none runs."""

from __future__ import annotations

import random
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import Mock

import pytest
from flask import Flask
from werkzeug.test import create_environ

from app.api.in_flight import InFlight
from tests.api.conftest import Asker
from tests.api.test_in_flight import ASKED, LONG, MEBIBYTE, bounded, free_bytes, reads
from tests.processes import until
from tests.threads import at_once

ROUNDS = 12


class Caller:
    """Sends any request, and stays to the end, or leaves before."""

    def __init__(self, app: Flask, secret: str, requests: list[Any], seed: int) -> None:
        self.app, self.secret, self.requests = app, secret, requests
        self.chance = random.Random(seed)  # noqa: S311 - no secret

    def call(self, _round: int) -> int:
        """Send a request; return its status."""
        method, path, body = self.chance.choice(self.requests)
        if method == "GET" and self.chance.random() < 0.2:
            method = "HEAD"
        environ = create_environ(path, method=method, json=body)
        environ["HTTP_AUTHORIZATION"] = f"Bearer {self.secret}"
        if method == "POST" and self.chance.random() < 0.3:
            environ["HTTP_IDEMPOTENCY_KEY"] = str(self.chance.randrange(3))
        start = Mock()
        pieces: Any = self.app.wsgi_app(environ, start)
        most = self.chance.choice([0, 1, 1000])
        try:
            for number, _ in enumerate(pieces):
                if number >= most:
                    break
        finally:
            getattr(pieces, "close", lambda: None)()
        return int(start.call_args.args[0][:3])


def test_threads_lose_nothing_of_what_they_count() -> None:
    bound = InFlight(10, 1)

    def come_and_go(_caller: int) -> None:
        for _ in range(10_000):
            place = bound.enter(3)
            bound.weigh(place, 4)
            bound.add_stored(place, 5)
            bound.add_stored(place, -2)
            bound.leave(place)

    at_once(4, come_and_go)
    assert (bound._places, free_bytes(bound)) == ({}, MEBIBYTE)


@pytest.mark.parametrize("most_mb", [1, 6, 100])
def test_nothing_is_left_of_any_request(app: Flask, owner: Asker, most_mb: int) -> None:
    noise = b64encode(random.Random(1).randbytes(MEBIBYTE)).decode()  # noqa: S311 - no secret
    parent = owner.create(input=noise)
    parent = owner.create(input=LONG, previous_response_id=parent)
    requests = [
        *reads(owner),
        ("POST", "/v1/responses", ASKED | {"previous_response_id": parent}),
        ("POST", "/v1/responses", ASKED | {"previous_response_id": parent, "stream": True}),
        ("GET", f"/v1/responses/{parent}/input_items?limit=1", None),
        ("GET", f"/v1/responses/{parent}/input_items?after=msg_of_nobody", None),
        ("GET", "/console/api/responses", None),
        ("DELETE", f"/v1/responses/{owner.create(input=LONG)}", None),
        ("POST", "/v1/responses", {"model": "nobody"}),
    ]
    bound = bounded(app, InFlight(3, most_mb))
    callers = [Caller(app, owner.secret, requests, seed) for seed in range(4)]
    with ThreadPoolExecutor(len(callers)) as pool:
        found = {
            status
            for statuses in pool.map(lambda each: list(map(each.call, range(ROUNDS))), callers)
            for status in statuses
        }
    assert 200 in found or most_mb == 1  # where next to nothing has room
    assert 500 not in found
    # What has an Idempotency-Key goes on for a moment without its caller (C3).
    until(lambda: not bound._places, "the last of those whose callers left")
    assert free_bytes(bound) == most_mb * MEBIBYTE
