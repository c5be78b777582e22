"""A backup that is restored as docs/backup.md says is the gateway as it was then."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from app.api import context
from app.factory import create_app
from app.settings import ProviderSettings, RedisSettings, Settings
from tests.api.conftest import Asker, asker
from tests.processes import until
from tests.redis_server import running

KEEPS = ("--appendonly", "yes")


@contextmanager
def gateway(url: str, secret: str = "") -> Iterator[Asker]:
    """Run a gateway on a Redis, for who has this key, or a new one."""
    local = ProviderSettings(name="local", api="local")
    redis_settings = RedisSettings(url=url, prefix="rg:")
    app = create_app(Settings(providers=(local,), redis=redis_settings, log_level="CRITICAL"))
    yield Asker(app.test_client(), secret) if secret else asker(app, "acme")
    with app.app_context():
        context.services().meter.book.flush()


def snapshot(client: redis.Redis, folder: Path, copy: Path) -> None:
    """BGSAVE, and take the file."""
    client.bgsave()
    until(lambda: not client.info("persistence")["rdb_bgsave_in_progress"], "the snapshot")
    shutil.copy(folder / "dump.rdb", copy / "dump.rdb")


def append_only_file(client: redis.Redis, folder: Path, copy: Path) -> None:
    """Have nothing rewritten meanwhile, and take the files (one file before Redis 7)."""
    client.config_set("auto-aof-rewrite-percentage", 0)
    until(lambda: not client.info("persistence")["aof_rewrite_in_progress"], "a rewrite to end")
    (found,) = folder.glob("appendonly*")
    (shutil.copytree if found.is_dir() else shutil.copy)(found, copy / found.name)
    client.config_set("auto-aof-rewrite-percentage", 100)


def start_from_a_snapshot(folder: Path) -> None:
    """Have Redis read the snapshot, and only then keep an append-only file."""
    with (
        running("--appendonly", "no", directory=folder) as url,
        redis.Redis.from_url(url) as client,
    ):
        client.config_set("appendonly", "yes")

        def is_written() -> bool:
            info = client.info("persistence")
            pending = ("aof_rewrite_in_progress", "aof_rewrite_scheduled")
            return bool(info["aof_enabled"]) and not any(info[each] for each in pending)

        until(is_written, "the append-only file")


def nothing_more(_folder: Path) -> None:
    """Redis reads its own files."""


@dataclass(frozen=True)
class Backup:
    """What was there when it was made: the newest turn, what was deleted; and what came later."""

    folder: Path
    secret: str
    newest: str
    shown: object
    deleted: str
    later: str


Take = Callable[[redis.Redis, Path, Path], None]


def backup(tmp_path: Path, take: Take) -> Backup:
    live, copy = tmp_path / "live", tmp_path / "copy"
    live.mkdir()
    copy.mkdir()
    with (
        running(*KEEPS, directory=live) as url,
        gateway(url) as caller,
        redis.Redis.from_url(url) as client,
    ):
        first = caller.create(input="My name is Ada.")
        newest = caller.create(input="Hello", previous_response_id=first)
        deleted = caller.create(input="Forget this")
        assert caller.ask("DELETE", f"/v1/responses/{deleted}").status_code == 200
        shown = caller.ask("GET", f"/v1/responses/{newest}").get_json()
        take(client, live, copy)
        later = caller.create(input="Later")
        assert caller.ask("GET", f"/v1/responses/{later}").status_code == 200
    return Backup(copy, caller.secret, newest, shown, deleted, later)


@pytest.mark.parametrize(
    ("take", "start"),
    [(snapshot, start_from_a_snapshot), (append_only_file, nothing_more)],
    ids=["snapshot", "append-only file"],
)
def test_a_conversation_goes_on_after_a_restore(
    tmp_path: Path, take: Take, start: Callable[[Path], None]
) -> None:
    made = backup(tmp_path, take)
    start(made.folder)
    with running(*KEEPS, directory=made.folder) as url, gateway(url, made.secret) as caller:
        assert caller.ask("GET", f"/v1/responses/{made.newest}").get_json() == made.shown
        next_turn = caller.create(input="What is my name?", previous_response_id=made.newest)
        items = caller.ask("GET", f"/v1/responses/{next_turn}/input_items").get_json()["data"]
        assert len(items) == 5
        assert caller.ask("GET", f"/v1/responses/{made.deleted}").status_code == 404
        assert caller.ask("GET", f"/v1/responses/{made.later}").status_code == 404


def test_a_snapshot_is_nothing_to_a_redis_that_keeps_an_append_only_file(tmp_path: Path) -> None:
    # Why the page has the step in between.
    made = backup(tmp_path, snapshot)
    with running(*KEEPS, directory=made.folder) as url, redis.Redis.from_url(url) as client:
        assert client.dbsize() == 0
