"""An issuer's keys: fetched when they are needed, kept, and looked for now and then only."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from app.errors import Unavailable, UpstreamUnavailable
from app.services.accounts.tokens.key_set import FIRST_WAIT_S, KEPT_S, KeySet
from app.services.accounts.tokens.public_keys import MAX_KEYS, BadKeySet, read_keys
from app.settings import IssuerSettings
from tests.processes import PATIENCE_S, until
from tests.services.clocks import Clock
from tests.tokens import ec_key, jwk, key_set, rsa_key

ISSUER = IssuerSettings(name="corp", issuer="https://i", audience=("a",), cache_s=300)
FIRST, SECOND = jwk(rsa_key(), "first"), jwk(ec_key(), "second")


class Server:
    """Has a key set, counts who asks for it, and may be away.

    What is to be done beside the requests is done at once, unless it `postpones`.
    """

    def __init__(self) -> None:
        self.document = key_set(FIRST)
        self.fetches = 0
        self.away = False
        self.meanwhile: Callable[[], object] = lambda: None
        self.clock = Clock()
        self.postpones = False
        self.beside: list[Callable[[], None]] = []
        self.keys = KeySet(ISSUER, self.fetch, self.clock, self.start)

    def start(self, work: Callable[[], None]) -> None:
        if self.postpones:
            self.beside.append(work)
        else:
            work()

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
    server.document, server.postpones = key_set(FIRST, SECOND), True
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


def test_that_holds_for_a_time_shorter_than_the_pause_between_attempts_too() -> None:
    server = Server()
    issuer = replace(ISSUER, cache_s=2)
    server.keys = KeySet(issuer, server.fetch, server.clock, server.start)
    server.has("first")
    server.document = key_set(SECOND)
    server.clock.now += 2
    assert not server.has("first")
    server.away = True
    for _ in range(4):
        server.clock.now += 2
        assert server.has("second", "ES256")
    assert server.fetches == 3


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
    server.has("first")
    server.postpones = True
    for _ in range(20):
        server.has("first")
        server.clock.now += 1
    assert (server.fetches, len(server.beside)) == (2, 1)
    server.away = server.postpones = False
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


def test_those_who_come_meanwhile_wait_for_the_one_fetch(server: Server) -> None:
    server.postpones = True
    found: list[bool] = []
    threads = [threading.Thread(target=lambda: found.append(server.has("first"))) for _ in range(8)]
    for each in threads:
        each.start()
    until(lambda: bool(server.beside), "the fetch to begin")
    server.do_beside()
    for each in threads:
        each.join(PATIENCE_S)
    assert (server.fetches, found) == (1, [True] * 8)


@pytest.fixture
def impatient(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server that answers when it is told to, and nobody waits for it."""
    server.postpones = True
    monkeypatch.setattr("app.services.accounts.tokens.key_set.FIRST_WAIT_S", 0.0)
    monkeypatch.setattr("app.services.accounts.tokens.key_set.UNKNOWN_WAIT_S", 0.0)
    return server


def refusal_of(server: Server, kid: str) -> tuple[int, str | None, int | None]:
    with pytest.raises(Unavailable) as caught:
        server.has(kid)
    return caught.value.status, caught.value.code, caught.value.retry_after_s


def test_keys_that_are_long_in_coming_are_there_for_the_next_request(impatient: Server) -> None:
    assert refusal_of(impatient, "first") == (503, "issuer_unavailable", 2)
    assert len(impatient.beside) == 1
    impatient.do_beside()
    assert impatient.has("first")
    assert impatient.fetches == 1


def test_a_fetch_is_waited_for_from_its_own_beginning(server: Server) -> None:
    """Whoever comes after that waits no more, however many they are."""
    server.postpones = True
    found: list[bool] = []
    first = threading.Thread(target=lambda: found.append(server.has("first")))
    first.start()
    until(lambda: bool(server.beside), "the fetch to begin")
    server.clock.now += FIRST_WAIT_S
    assert refusal_of(server, "first") == (503, "issuer_unavailable", 2)
    server.do_beside()
    first.join(PATIENCE_S)
    assert found == [True]


def test_kept_keys_serve_while_newer_ones_are_long_in_coming(impatient: Server) -> None:
    impatient.postpones = False
    impatient.has("first")
    impatient.postpones = True
    impatient.clock.now += 301
    assert impatient.has("first")


def test_who_comes_with_an_unknown_key_does_not_wait_long_for_it(impatient: Server) -> None:
    impatient.postpones = False
    impatient.has("first")
    impatient.postpones = True
    impatient.clock.now += 61
    for kid in ("made up", "made up, too"):
        assert refusal_of(impatient, kid) == (503, "issuer_unavailable", 2)
    assert impatient.has("first")  # a key that is known is not waited for
    impatient.do_beside()
    assert not impatient.has("made up")
    assert impatient.fetches == 2


def test_where_no_thread_is_left_the_next_request_tries_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(_work: Callable[[], None]) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(server.keys, "_start", none_left)
        assert refusal_of(server, "first")[:2] == (503, "issuer_unavailable")
    assert server.has("first")


def test_a_bug_of_ours_is_logged_and_holds_up_nobody(server: Server) -> None:
    def stumble() -> None:
        server.meanwhile = lambda: None
        raise ZeroDivisionError

    server.meanwhile = stumble
    with capture_logs() as log:
        assert refusal_of(server, "first")[:2] == (503, "issuer_unavailable")
    assert [(line["event"], line["place"]) for line in log] == [("unexpected_error", "jwks")]
    assert server.has("first")


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
