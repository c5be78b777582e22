"""Idempotency keys that replicas should have: what a server that takes over may lack (C3)."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from secrets import token_hex

import pytest
import redis

from app.domain.accounts.accounts import Caller
from app.errors import StorageUnavailable, Unconfirmed
from app.services.idempotency.kept_answers import KeptAnswer
from app.services.idempotency.service import IdempotencyKeys, OwnedKey
from app.settings import RedisSettings
from app.store.connection.client import connect
from app.store.connection.replication import Safety
from app.store.idempotency.redis import RedisIdempotencyStore
from tests.processes import until
from tests.redis_sentinel import Watched, running_sentinel
from tests.redis_server import running

ACCOUNT, KEY, DIGEST, ME = "acme", "hash", b"digest", "me"
#: It wants a replica to have what it writes, on servers that have none.
UNSAFE = Safety(1, 0.02)


@pytest.fixture(params=["redis", "cluster"])
def unsafe(request: pytest.FixtureRequest) -> Iterator[RedisIdempotencyStore]:
    url = request.getfixturevalue("redis_url" if request.param == "redis" else "cluster_url")
    with connect(RedisSettings(url=url)) as client:
        yield RedisIdempotencyStore(client, f"unsafe-{token_hex(4)}:", 30, UNSAFE)


@pytest.mark.parametrize("copied", ["", "resp_1"])
def test_an_answer_that_no_replica_has_is_kept_but_not_confirmed(
    unsafe: RedisIdempotencyStore, copied: str
) -> None:
    claim = unsafe.begin(ACCOUNT, KEY, DIGEST, ME)
    assert (claim.state, claim.safe) == ("begun", False)
    for _ in range(2):
        with pytest.raises(Unconfirmed):
            unsafe.finish(ACCOUNT, KEY, ME, b"sealed", copied)
    found = unsafe.begin(ACCOUNT, KEY, DIGEST, "another")
    assert (found.state, found.answer) == ("done", b"sealed")


def test_an_answer_is_written_again_for_the_replicas_to_have_it() -> None:
    """WAIT counts what its own connection wrote: without a write it would say that all is well."""
    with running() as url, connect(RedisSettings(url=url)) as client:
        keys = RedisIdempotencyStore(client, "rg:", 30)
        keys.begin(ACCOUNT, KEY, DIGEST, ME)
        offsets = []
        for _ in range(2):
            keys.finish(ACCOUNT, KEY, ME, b"sealed")
            offsets.append(client.info("persistence")["rdb_changes_since_last_save"])
    assert offsets[1] > offsets[0]


@pytest.mark.parametrize("is_claim_lost", [False, True], ids=["kept", "lost"])
def test_an_answer_takes_the_place_of_its_claim_for_a_day(
    redis_url: str, *, is_claim_lost: bool
) -> None:
    prefix = f"kept-{token_hex(4)}:"
    with connect(RedisSettings(url=redis_url)) as client:
        keys = RedisIdempotencyStore(client, prefix, 30)
        keys.begin(ACCOUNT, KEY, DIGEST, ME)
        (key,) = client.scan_iter(f"{prefix}*")
        keys.note(ACCOUNT, KEY, ME, "resp_1", b"known")
        keys.wait(ACCOUNT, KEY)
        if is_claim_lost:
            client.delete(key)
        else:
            client.expire(key, 60)  # its call has taken long
        keys.finish(ACCOUNT, KEY, ME, b"sealed", digest=DIGEST)
        assert client.hgetall(key) == {b"digest": DIGEST, b"answer": b"sealed"}
        assert 24 * 3600 - 60 < client.ttl(key) <= 24 * 3600


@pytest.mark.parametrize(("digest", "state"), [(DIGEST, "done"), (b"", "begun")])
def test_an_answer_whose_claim_was_lost_is_kept_if_the_claim_was_not_safe(
    unsafe: RedisIdempotencyStore, digest: bytes, state: str
) -> None:
    unsafe.begin(ACCOUNT, KEY, DIGEST, ME)
    unsafe.free(ACCOUNT, KEY, ME)  # as on a server that never had it
    with pytest.raises(Unconfirmed):
        unsafe.finish(ACCOUNT, KEY, ME, b"sealed", digest=digest)
    assert unsafe.begin(ACCOUNT, KEY, DIGEST, "another").state == state
    assert unsafe.begin(ACCOUNT, KEY, b"else", "another").state == "reused"


def test_an_answer_whose_key_another_has_begun_is_not_kept(unsafe: RedisIdempotencyStore) -> None:
    unsafe.begin(ACCOUNT, KEY, DIGEST, ME)
    unsafe.free(ACCOUNT, KEY, ME)
    unsafe.begin(ACCOUNT, KEY, DIGEST, "another")
    with pytest.raises(Unconfirmed):
        unsafe.finish(ACCOUNT, KEY, ME, b"mine", digest=DIGEST)
    assert unsafe.begin(ACCOUNT, KEY, DIGEST, "third").state == "running"


def test_who_takes_a_key_over_begins_anew(redis_url: str) -> None:
    prefix = f"taken-{token_hex(4)}:"
    with connect(RedisSettings(url=redis_url)) as client:
        lost = RedisIdempotencyStore(client, prefix, 0.01)
        lost.begin(ACCOUNT, KEY, DIGEST, ME)
        (key,) = client.scan_iter(f"{prefix}*")
        assert 0 < client.ttl(key) <= 24 * 3600  # whoever never comes back leaves nothing behind
        lost.note(ACCOUNT, KEY, ME, "resp_1", b"known")
        lost.wait(ACCOUNT, KEY)
        time.sleep(0.02)
        keys = RedisIdempotencyStore(client, prefix, 30)
        assert keys.begin(ACCOUNT, KEY, DIGEST, "another", takes_over=False).state == "lapsed"
        begun = keys.begin(ACCOUNT, KEY, DIGEST, "another")
        assert (begun.state, begun.response_id, begun.answer) == ("begun", "resp_1", b"known")
        assert keys.renew(ACCOUNT, KEY, ME) is None
        assert keys.renew(ACCOUNT, KEY, "another") == math.inf
        third = keys.begin(ACCOUNT, KEY, DIGEST, "third")
        assert (third.state, third.response_id, third.answer) == ("running", "", b"")


def test_a_key_is_its_holders_while_that_renews_it(redis_url: str) -> None:
    prefix = f"renewed-{token_hex(4)}:"
    with connect(RedisSettings(url=redis_url)) as client:
        RedisIdempotencyStore(client, prefix, 0.01).begin(ACCOUNT, KEY, DIGEST, ME)
        keys = RedisIdempotencyStore(client, prefix, 30)
        keys.renew(ACCOUNT, KEY, ME)
        time.sleep(0.02)
        assert keys.begin(ACCOUNT, KEY, DIGEST, "another").state == "running"


def test_who_lost_a_key_neither_frees_it_nor_notes_anything(redis_url: str) -> None:
    with connect(RedisSettings(url=redis_url)) as client:
        keys = RedisIdempotencyStore(client, f"lost-{token_hex(4)}:", 30)
        keys.begin(ACCOUNT, KEY, DIGEST, "another")
        keys.note(ACCOUNT, KEY, ME, "resp_mine", b"mine")
        keys.free(ACCOUNT, KEY, ME)
        found = keys.begin(ACCOUNT, KEY, DIGEST, "third")
        assert (found.state, found.response_id, found.answer) == ("running", "", b"")


def test_waiting_for_a_key_that_was_freed_leaves_nothing_behind(redis_url: str) -> None:
    prefix = f"freed-{token_hex(4)}:"
    with connect(RedisSettings(url=redis_url)) as client:
        RedisIdempotencyStore(client, prefix, 30).wait(ACCOUNT, KEY)
        assert not list(client.scan_iter(f"{prefix}*"))


@pytest.mark.parametrize("is_claim_lost", [False, True], ids=["answer", "claim and answer"])
def test_what_only_the_dead_master_had_is_written_again(*, is_claim_lost: bool) -> None:
    caller = Caller(account=ACCOUNT, key_id="key_1")
    with running_sentinel() as watched, connect(RedisSettings(url=watched.url)) as client:
        store = RedisIdempotencyStore(client, "rg:", 30, Safety(1, 5.0))
        keys = IdempotencyKeys(store, lambda _, key: key, 30, time.sleep)
        if is_claim_lost:
            cut_off_replica(watched)
        owned = keys.begin(caller, KEY, DIGEST, lambda: False)
        assert isinstance(owned, OwnedKey)
        if not is_claim_lost:
            cut_off_replica(watched)
        answer = KeptAnswer(200, "resp_1")
        owned.finish(answer)
        watched.master.kill()
        until(lambda: watched.has_moved, "another master")

        def is_kept() -> bool:
            try:
                keys.catch_up()
                return keys.begin(caller, KEY, DIGEST, lambda: False) == answer
            except StorageUnavailable:
                return False

        until(is_kept, "the answer to be kept")


def cut_off_replica(watched: Watched) -> None:
    """Have the master go on, and its replica learn nothing more from it."""
    with redis.Redis(port=watched.master_port, protocol=2) as master:
        master.execute_command("ACL", "SETUSER", "default", "-psync", "-sync")
        master.execute_command("CLIENT", "KILL", "TYPE", "replica")
