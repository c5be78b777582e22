"""An issuer's keys: fetched when they are needed, kept, and looked for now and then only."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from app.errors import Unavailable, UpstreamUnavailable
from app.services.accounts.tokens.key_set import KEPT_S, KeySet
from app.services.accounts.tokens.public_keys import MAX_KEYS, BadKeySet, read_keys
from app.settings import IssuerSettings
from tests.services.clocks import Clock
from tests.tokens import ec_key, jwk, key_set, rsa_key

ISSUER = IssuerSettings(name="corp", issuer="https://i", audience=("a",), cache_s=300)
FIRST, SECOND = jwk(rsa_key(), "first"), jwk(ec_key(), "second")


class Server:
    """Has a key set, counts who asks for it, and may be away."""

    def __init__(self) -> None:
        self.document = key_set(FIRST)
        self.fetches = 0
        self.away = False
        self.meanwhile: Callable[[], object] = lambda: None
        self.clock = Clock()
        self.beside: list[Callable[[], None]] = []
        self.keys = KeySet(ISSUER, self.fetch, self.clock, self.beside.append)

    def fetch(self) -> bytes:
        self.fetches += 1
        self.meanwhile()
        if self.away:
            raise UpstreamUnavailable("away")
        return self.document

    def has(self, kid: str, algorithm: str = "RS256") -> bool:
        return bool(self.keys.with_key(kid, algorithm).matching(kid, algorithm))

    def do_beside(self) -> None:
        work, self.beside[:] = list(self.beside), []
        for each in work:
            each()


@pytest.fixture
def server() -> Server:
    return Server()


def test_nothing_is_fetched_before_it_is_needed_and_then_once(server: Server) -> None:
    assert server.fetches == 0
    assert server.has("first")
    assert server.has("first")
    assert server.fetches == 1


def test_keys_are_fetched_anew_beside_the_requests_before_their_time_is_over(
    server: Server,
) -> None:
    server.has("first")
    server.clock.now += 200
    server.document = key_set(FIRST, SECOND)
    assert [server.has("first"), server.has("first")] == [True, True]
    assert (server.fetches, len(server.beside)) == (1, 1)
    server.do_beside()
    assert server.has("second", "ES256")
    assert server.fetches == 2


def test_keys_whose_time_is_over_serve_nobody(server: Server) -> None:
    server.has("first")
    server.document = key_set(SECOND)
    server.clock.now += 301
    assert not server.has("first")
    assert server.fetches == 2


def test_kept_keys_serve_for_a_day_while_none_can_be_fetched(server: Server) -> None:
    server.has("first")
    server.away = True
    server.clock.now += 301
    assert server.has("first")
    server.clock.now += KEPT_S - 302
    assert server.has("first")
    server.clock.now += 2
    with pytest.raises(Unavailable, match="out of reach") as caught:
        server.has("first")
    assert (caught.value.status, caught.value.code) == (503, "issuer_unavailable")


def test_nobody_waits_again_for_an_issuer_that_is_away(server: Server) -> None:
    server.has("first")
    server.away = True
    server.clock.now += 301
    for _ in range(20):
        server.has("first")
        server.clock.now += 1
    assert (server.fetches, len(server.beside)) == (2, 1)
    server.away = False
    server.do_beside()
    server.clock.now += 20
    assert server.has("first")
    assert (server.fetches, server.beside) == (3, [])


def test_an_issuer_that_was_never_reached_is_tried_again_after_a_while(server: Server) -> None:
    server.away = True
    for _ in range(3):
        with pytest.raises(Unavailable):
            server.has("first")
    assert server.fetches == 1
    server.away = False
    server.clock.now += 11
    assert server.has("first")


def test_a_key_that_is_unknown_is_looked_for_once_a_minute(server: Server) -> None:
    server.has("first")
    server.clock.now += 61
    server.document = key_set(FIRST, SECOND)
    assert server.has("second", "ES256")
    for kid in range(50):
        server.has(f"made up {kid}")
    assert server.fetches == 2
    server.clock.now += 61
    server.has("made up")
    assert server.fetches == 3


@pytest.mark.parametrize("document", [b"", b"<html>", b"[]", b"{}", b'{"keys":{}}', b'{"keys":[]}'])
def test_what_is_no_key_set_does_not_take_the_place_of_the_kept_one(
    server: Server, document: bytes
) -> None:
    server.has("first")
    server.document = document
    server.clock.now += 301
    assert server.has("first")
    assert server.fetches == 2


def test_those_who_come_meanwhile_wait_for_the_one_who_fetches(server: Server) -> None:
    threads: list[threading.Thread] = []
    found: list[bool] = []

    def others_come() -> None:
        if not threads:
            threads.extend(
                threading.Thread(target=lambda: found.append(server.has("first"))) for _ in range(8)
            )
            for each in threads:
                each.start()

    server.meanwhile = others_come
    assert server.has("first")
    for each in threads:
        each.join(5)
    assert (server.fetches, found) == (1, [True] * 8)


def test_who_comes_with_an_unknown_key_does_not_wait_long_for_who_looks_for_it(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.services.accounts.tokens.key_set.UNKNOWN_WAIT_S", 0.0)
    server.has("first")
    server.clock.now += 61
    refused: list[Unavailable] = []

    def come() -> None:
        with pytest.raises(Unavailable) as caught:
            server.has("made up, too")
        refused.append(caught.value)

    def others_come() -> None:
        assert server.has("first")  # a key that is known is not waited for
        other = threading.Thread(target=come, daemon=True)
        other.start()
        other.join(5)

    server.meanwhile = others_come
    assert not server.has("made up")
    assert [(each.status, each.code) for each in refused] == [(503, "issuer_unavailable")]


def test_where_no_thread_is_left_the_next_request_tries_again() -> None:
    server = Server()

    def none_left(_work: Callable[[], None]) -> None:
        raise RuntimeError("can't start new thread")

    keys = KeySet(ISSUER, server.fetch, server.clock, none_left)
    keys.current()
    server.clock.now += 200
    assert keys.current().keys
    assert keys.current().keys


def test_a_set_of_too_many_keys_is_refused() -> None:
    with pytest.raises(BadKeySet, match="more than 100"):
        read_keys(key_set(*[FIRST] * (MAX_KEYS + 1)), ("RS256",))


def test_a_private_key_that_was_published_verifies_and_does_no_more() -> None:
    (key,) = read_keys(key_set({**FIRST, "d": "AQ", "p": "AQ"}), ("RS256",)).keys
    assert not hasattr(key.key.key, "private_numbers")


def test_a_key_without_alg_counts_for_each_that_is_allowed() -> None:
    found = read_keys(key_set(FIRST, SECOND), ("RS256", "PS256", "ES256", "EdDSA"))
    assert [(key.kid, key.algorithm) for key in found.keys] == [
        ("first", "RS256"),
        ("first", "PS256"),
        ("second", "ES256"),
    ]
