"""What is due is destroyed by workers, though one is killed, and Redis too, in the middle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.domain.turns.turn import Turn
from app.services.retention.sweep import AT_ONCE, MOST_BATCHES
from app.settings import RedisSettings
from app.store.connection.client import connect
from app.store.responses.redis import RedisStore
from tests.e2e.gateway import REDIS_PREFIX
from tests.e2e.mortal_redis import MortalRedis
from tests.e2e.workers import working
from tests.processes import until
from tests.store.ageing import LATER, continued_for, expire, kept_for
from tests.store.servers import everything
from tests.store.turns import ACCOUNT, left_by, text_of

#: More than a tick takes.
MANY = AT_ONCE * MOST_BATCHES + 100
DUE = f"{REDIS_PREFIX}{{expiring}}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is left after two workers; `log` is what the second wrote."""

    client: Any
    store: RedisStore
    tree: dict[str, Turn]
    left_by_first: int
    log: str


def tree_of(store: RedisStore) -> dict[str, Turn]:
    """Return a conversation that forks, a-b-c and b-d-e, of which b and d are secret."""
    a = kept_for(1, "a")
    store.save(a)
    b = continued_for(store, a, "secret b")
    c, d = continued_for(store, b, "c"), continued_for(store, b, "secret d")
    return {"a": a, "b": b, "c": c, "d": d, "e": continued_for(store, d, "e")}


@pytest.fixture(scope="module")
def outcome(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Outcome]:
    directory = tmp_path_factory.mktemp("retention")
    # Not every write waits for the disk here: 3,000 are 30 s.
    with MortalRedis(directory, fsync="everysec") as redis:
        redis.start()
        env = environment | {"REDIS_URL": redis.url}
        with connect(RedisSettings(url=redis.url)) as client:
            yield swept(client, redis, env, directory)


def swept(client: Any, redis: MortalRedis, env: dict[str, str], directory: Path) -> Outcome:
    """Have much be due, and two workers destroy it."""
    store = RedisStore(client, REDIS_PREFIX)
    tree, others = tree_of(store), [kept_for(1, "secret") for _ in range(MANY)]
    for each in others:
        store.save(each)
    for each in (tree["b"], tree["d"], *others):
        expire(client, each.response.id, prefix=REDIS_PREFIX)

    def due() -> int:
        return int(client.zcount(DUE, "-inf", 10**9))

    with working(env, directory) as first:
        until(lambda: due() < MANY, "the first worker to have begun")
        first.kill()
    left = due()
    client.delete(f"{DUE}:lease")  # as if half a minute had passed
    with working(env, directory) as second:
        until(lambda: due() < left, "the second worker to go on")
        redis.kill()
        redis.start()
        # Redis may lose what it did last (`everysec`), so a purge is looked at again.
        until(lambda: not client.zcount(DUE, "-inf", LATER - 1), "the second worker to end it")
        log = second.log
        second.kill()
    return Outcome(client, store, tree, left, log)


def test_the_first_worker_was_killed_in_the_middle(outcome: Outcome) -> None:
    assert 0 < outcome.left_by_first < MANY


def test_nothing_of_what_was_due_is_left(outcome: Outcome) -> None:
    assert b"secret" not in everything(outcome.client)


def test_the_rest_of_a_forked_conversation_is_exact(outcome: Outcome) -> None:
    tree, store = outcome.tree, outcome.store
    for last, left in (("c", "ac"), ("e", "ae")):
        found = store.context(ACCOUNT, tree[last].response.id)
        assert found.items == left_by(*(tree[name] for name in left))
        print(last, "sees", text_of(found.items), "without turns", sorted(found.purged))  # noqa: T201 - the purge's exactness is what is asked for


def test_no_fault_was_met_that_was_not_expected(outcome: Outcome) -> None:
    assert "unexpected_error" not in outcome.log
    assert "retention_purged" in outcome.log
