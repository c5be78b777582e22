"""What counts once replicas have it: each write that somebody is promised."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from secrets import token_hex
from typing import Any

import pytest

from app.domain.accounts.accounts import Account, AuditEntry
from app.domain.ids import tag_of
from app.domain.turns.turn import Turn
from app.errors import StorageUnavailable, Unconfirmed
from app.settings import RedisSettings
from app.store.accounts.redis import RedisAccountStore
from app.store.connection.client import Client, connect
from app.store.jobs.base import Claim, Flush, QueueFigures
from app.store.jobs.redis import RedisJobStore
from app.store.responses.base import Forgotten, ResponseStore
from app.store.responses.redis import RedisStore
from tests.redis_sentinel import Watched, running_sentinel
from tests.store.turns import ACCOUNT, WRAPPING, payload_of, saved, turn

#: The lease token of who runs a job.
ME = "me"


@pytest.fixture
def watched() -> Iterator[Watched]:
    with running_sentinel() as watched:
        yield watched


@pytest.fixture
def client(watched: Watched) -> Iterator[Client]:
    settings = RedisSettings(url=watched.url, timeout_s=1, connect_timeout_s=0.5)
    with connect(settings) as client:
        yield client


@pytest.fixture
def store(client: Client) -> RedisStore:
    """A store that wants one replica to have what it keeps."""
    return RedisStore(client, "rg:", wait_replicas=1, wait_s=0.2)


def found(store: ResponseStore, kept: Turn) -> bool:
    try:
        return store.get(ACCOUNT, kept.response.id) == kept
    except StorageUnavailable:
        return False


def test_a_response_that_the_replica_has_is_confirmed(watched: Watched) -> None:
    with connect(RedisSettings(url=watched.url, timeout_s=30)) as client:
        patient = RedisStore(client, "rg:", wait_replicas=1, wait_s=20)
        assert found(patient, saved(patient))


def test_a_response_that_no_replica_has_is_kept_but_not_confirmed(
    store: RedisStore, watched: Watched
) -> None:
    watched.replica.kill()
    watched.replica.wait()
    kept = turn()
    with pytest.raises(Unconfirmed, match="0 of 1 replicas"):
        store.save(kept)
    assert found(store, kept)


# Where there are no replicas, nothing is promised.


class Unsafe:
    """Stores that want a replica to have what they write, on a Redis that has none."""

    def __init__(self, client: Client) -> None:
        self.client: Any = client
        self.prefix = f"unsafe-{token_hex(4)}:"
        self.responses = RedisStore(client, self.prefix, wait_replicas=1, wait_s=0.02)
        self.jobs = RedisJobStore(client, self.prefix, self.responses, 30, WRAPPING)
        self.accounts = RedisAccountStore(client, self.prefix, self.responses.safety)
        calm = RedisStore(client, self.prefix)
        self.calm, self.calm_jobs = calm, RedisJobStore(client, self.prefix, calm, 30, WRAPPING)

    def claimed(self) -> Claim:
        assert self.calm_jobs.enqueue(payload_of(waiting()), 10)
        claim = self.jobs.claim(self.jobs.take() or "", ME)
        assert claim is not None
        return claim


@pytest.fixture(params=["redis", "cluster"])
def unsafe(request: pytest.FixtureRequest) -> Iterator[Unsafe]:
    url = request.getfixturevalue("redis_url" if request.param == "redis" else "cluster_url")
    with connect(RedisSettings(url=url)) as client:
        yield Unsafe(client)


def waiting() -> Turn:
    made = turn("job")
    return replace(made, response=replace(made.response, status="queued"))


def test_a_deletion_that_no_replica_has_is_not_promised(unsafe: Unsafe) -> None:
    kept = saved(unsafe.calm)
    with pytest.raises(Unconfirmed):
        unsafe.responses.delete(ACCOUNT, kept.response.id)


def test_a_job_that_no_replica_has_is_taken_back(unsafe: Unsafe) -> None:
    queued = waiting()
    with pytest.raises(Unconfirmed):
        unsafe.jobs.enqueue(payload_of(queued), 10)
    assert unsafe.jobs.status(ACCOUNT, queued.response.id) is None
    assert unsafe.jobs.take() is None
    assert unsafe.jobs.queues() == QueueFigures(0, 0, 0.0)


def test_a_job_is_run_though_no_replica_knows_who_runs_it(unsafe: Unsafe) -> None:
    assert unsafe.claimed().lease_token == ME


def test_a_job_that_no_replica_knows_to_be_cancelled_is_not_said_to_be(unsafe: Unsafe) -> None:
    claim = unsafe.claimed()
    with pytest.raises(Unconfirmed):
        unsafe.jobs.take_over(ACCOUNT, claim.response_id, "cancelled")


def test_an_end_that_no_replica_has_can_be_confirmed_later(unsafe: Unsafe) -> None:
    claim = unsafe.claimed()
    ended, ending = turn("job", response_id=claim.response_id), Flush(0, (b"end",))
    with pytest.raises(Unconfirmed):
        unsafe.jobs.finish(claim, ended, ending)
    assert found(unsafe.calm, ended)
    assert unsafe.calm_jobs.finish(claim, ended, ending)
    assert unsafe.jobs.queues() == QueueFigures(0, 0, 0.0)


def test_an_end_that_no_replica_has_keeps_its_lease_and_no_webhook_hears_of_it(
    unsafe: Unsafe, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, events = unsafe.claimed(), list[str]()
    for jobs in (unsafe.jobs, unsafe.calm_jobs):
        monkeypatch.setattr(jobs._queues, "end", lambda _, status: events.append(status))
    ended, ending = turn("job", response_id=claim.response_id), Flush(0, (b"end",))
    with pytest.raises(Unconfirmed):
        unsafe.jobs.finish(claim, ended, ending)
    before = [*events], unsafe.jobs.queues().running
    unsafe.calm_jobs.finish(claim, ended, ending)
    assert [before, events] == [([], 1), ["completed"]]


def test_an_end_that_is_never_confirmed_is_found_by_a_sweep(unsafe: Unsafe) -> None:
    claim = unsafe.claimed()
    ended, ending = turn("job", response_id=claim.response_id), Flush(0, (b"end",))
    with pytest.raises(Unconfirmed):
        unsafe.jobs.finish(claim, ended, ending)
    assert unsafe.jobs.settle_lost(claim.response_id) is False
    assert unsafe.jobs.queues() == QueueFigures(0, 0, 0.0)


def dumped(client: Any, pattern: str) -> dict[bytes, bytes]:
    """Return the keys of one slot as they are."""
    return {key: client.dump(key) for key in client.scan_iter(match=pattern)}


def test_an_end_that_was_lost_with_its_server_is_written_again_with_the_events_before(
    unsafe: Unsafe,
) -> None:
    claim = unsafe.claimed()
    pattern = f"{unsafe.prefix}{{{tag_of(claim.response_id)}}}*"
    replicated = dumped(unsafe.client, pattern)
    assert unsafe.jobs.append([(claim, Flush(0, (b"word",)))]) == [True]
    ended, ending = turn("job", response_id=claim.response_id), Flush(1, (b"end",))
    with pytest.raises(Unconfirmed):
        unsafe.jobs.finish(claim, ended, ending)
    unsafe.client.delete(*dumped(unsafe.client, pattern))  # a replica takes over
    for key, value in replicated.items():
        unsafe.client.restore(key, 0, value)
    with pytest.raises(Unconfirmed):  # done, and no replica has it yet
        unsafe.jobs.finish(claim, ended, ending)
    assert found(unsafe.calm, ended)
    assert unsafe.jobs.read_events(claim.response_id, 0).lines == [b"word", b"end"]


def test_an_account_that_no_replica_has_is_not_promised(unsafe: Unsafe) -> None:
    account = Account(name="new", created_at=1)
    entry = AuditEntry(at=1, by="tests", action="account.create", subject="new")
    for _ in range(2):
        with pytest.raises(Unconfirmed):
            unsafe.accounts.put_account(account, entry)
    assert len(list(unsafe.accounts.audit())) == 1


def test_what_was_lost_with_its_server_is_not_confirmed(unsafe: Unsafe) -> None:
    with pytest.raises(Forgotten):
        unsafe.responses.confirm(turn().response.id, 0.02)


def test_a_cluster_is_asked_for_the_replicas_of_the_responses_own_master(
    cluster_url: str,
) -> None:
    with connect(RedisSettings(url=cluster_url)) as client:
        store = RedisStore(client, "rg:", wait_replicas=1, wait_s=0.05)
        kept = turn()
        with pytest.raises(Unconfirmed):
            store.save(kept)
        assert found(store, kept)
