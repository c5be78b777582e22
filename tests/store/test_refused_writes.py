"""A Redis that serves reads and refuses writes, as the stores see it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from app.errors import StorageUnavailable
from app.settings import RedisSettings
from app.store.accounts.redis import RedisAccountStore
from app.store.connection.client import Client, connect
from app.store.connection.errors import is_refusal
from app.store.connection.reasons import reason, refuses_writes
from app.store.idempotency.redis import RedisIdempotencyStore
from app.store.responses.redis import RedisStore
from app.store.spool.store_identity import StoreIdentity
from tests.processes import free_port, until
from tests.redis_refusals import REFUSALS, Refusing
from tests.redis_server import running
from tests.store.turns import ACCOUNT, saved, turn


@contextmanager
def connected(url: str) -> Iterator[Any]:
    """Yield a client; its connections are closed, which an error's frames may hold, at the end."""
    client: Any = connect(RedisSettings(url=url))
    try:
        yield client
    finally:
        client.connection_pool.disconnect()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Refusing]]:
    """A Redis by its URL, and what makes it refuse."""
    home = tmp_path_factory.mktemp("redis")
    with running(directory=home) as url, connected(url) as client:
        yield url, Refusing(client, home)


@pytest.fixture
def client(server: tuple[str, Refusing], monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A client whose connections are taken for idle at once."""
    monkeypatch.setattr("app.store.connection.client.HEALTH_CHECK_S", 1e-9)
    with connected(server[0]) as client:
        yield client


@pytest.mark.parametrize("word", REFUSALS)
def test_it_is_read_and_says_why_it_is_not_written(
    client: Client, server: tuple[str, Refusing], word: str
) -> None:
    store, accounts = RedisStore(client, "rg:"), RedisAccountStore(client, "rg:")
    identity = StoreIdentity(client, "rg:")
    kept, secret, store_id = saved(store), accounts.secret(b"s" * 32), identity.read()
    with REFUSALS[word](server[1]):
        assert store.get(ACCOUNT, kept.response.id) == kept
        assert (accounts.secret(b"t" * 32), identity.read()) == (secret, store_id)
        for write in (lambda: store.save(turn()), identity.probe):
            with pytest.raises(StorageUnavailable) as refused:
                write()
            assert reason(refused.value).startswith(word)
            assert refuses_writes(refused.value)
    store.save(turn())


@pytest.mark.parametrize("word", REFUSALS)
def test_a_key_whose_answer_could_not_be_kept_is_not_taken(
    client: Client, server: tuple[str, Refusing], word: str
) -> None:
    keys = RedisIdempotencyStore(client, "rg:", lease_s=0)
    keys.begin(ACCOUNT, f"{word} lost", b"digest", "lost")
    keys.note(ACCOUNT, f"{word} lost", "lost", "resp_1", b"noted")
    with REFUSALS[word](server[1]):
        for key in (f"{word} new", f"{word} lost"):
            with pytest.raises(StorageUnavailable) as refused:
                keys.begin(ACCOUNT, key, b"digest", "next")
            assert refuses_writes(refused.value)
    assert keys.begin(ACCOUNT, f"{word} new", b"digest", "next").state == "begun"
    found = keys.begin(ACCOUNT, f"{word} lost", b"digest", "next")
    assert (found.state, found.response_id, found.answer) == ("begun", "resp_1", b"noted")


def test_a_redis_that_is_not_there_refuses_more_than_writes() -> None:
    url = f"redis://:secret@127.0.0.1:{free_port()}"
    with connected(url) as away, pytest.raises(StorageUnavailable) as fault:
        StoreIdentity(away, "rg:").probe()
    assert (reason(fault.value), refuses_writes(fault.value)) == ("connection refused", False)


def test_a_redis_with_another_password_says_so_without_it(server: tuple[str, Refusing]) -> None:
    url, refusing = server
    refusing.client.config_set("requirepass", "right")
    try:
        result = url.replace("unix://", "unix://:wrong-secret@")
        with connected(result) as stranger, pytest.raises(StorageUnavailable) as no:
            StoreIdentity(stranger, "rg:").probe()
    finally:
        refusing.client.config_set("requirepass", "")
    assert reason(no.value) == "WRONGPASS: Redis refuses the password"


def test_a_redis_without_room_for_another_client_says_so() -> None:
    port = free_port()  # over a socket of the system it hangs up before it can be heard
    with running("--port", str(port)) as url, connected(url) as client:
        client.config_set("maxclients", "1")
        with (
            connected(f"redis://127.0.0.1:{port}") as another,
            pytest.raises(StorageUnavailable) as no,
        ):
            StoreIdentity(another, "rg:").probe()
    assert reason(no.value) == "Redis has as many clients as its maxclients allows"


def test_a_redis_that_runs_a_program_without_end_says_so(server: tuple[str, Refusing]) -> None:
    url, refusing = server
    refusing.client.config_set("lua-time-limit", "1")
    with connected(url) as busy, connected(url) as another, ThreadPoolExecutor(1) as pool:
        for client in (busy, another):
            client.ping()
        running = pool.submit(busy.eval, "while true do end", 0)
        reasons: list[str] = []

        def is_busy() -> bool:
            try:
                StoreIdentity(another, "rg:").look()
            except StorageUnavailable as fault:
                reasons.append(reason(fault))
            return bool(reasons)

        try:
            until(is_busy, "Redis to be busy")
        finally:
            another.execute_command("SCRIPT", "KILL")
        killed = running.exception()
    assert reasons == ["BUSY: Redis runs a program that does not end (SCRIPT KILL ends one)"]
    assert killed is not None
    assert not is_refusal(killed)
