"""A Redis that serves reads and refuses writes, in each of the ways in which one does."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import redis

from tests.processes import until

Client = redis.Redis
Refusal = Callable[["Refusing"], contextlib.AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Refusing:
    """A Redis that can be told to refuse writes; its data is in `directory`."""

    client: Client
    directory: Path


@contextlib.contextmanager
def full(server: Refusing) -> Iterator[None]:
    """OOM."""
    server.client.config_set("maxmemory", "1")
    try:
        yield
    finally:
        server.client.config_set("maxmemory", "0")


@contextlib.contextmanager
def diskless(server: Refusing) -> Iterator[None]:
    """MISCONF: a snapshot could not be written, for a folder stands in its place."""
    server.client.config_set("save", "3600 1")
    place = server.directory / "dump.rdb"
    place.unlink(missing_ok=True)
    (place / "something").mkdir(parents=True)
    _snapshot(server.client, "err")
    try:
        yield
    finally:
        (place / "something").rmdir()
        place.rmdir()
        _snapshot(server.client, "ok")
        server.client.config_set("save", "")


def _snapshot(client: Client, ends: str) -> None:
    client.bgsave()
    until(lambda: _saved(client, ends), f"a snapshot to end with {ends}")


def _saved(client: Client, ends: str) -> bool:
    persistence = client.info("persistence")
    is_over = not persistence["rdb_bgsave_in_progress"]
    return bool(is_over and persistence["rdb_last_bgsave_status"] == ends)


@contextlib.contextmanager
def replica(server: Refusing) -> Iterator[None]:
    """READONLY: it is a replica of nobody who could be reached."""
    server.client.replicaof("127.0.0.1", "1")
    try:
        yield
    finally:
        server.client.replicaof("NO", "ONE")


@contextlib.contextmanager
def lonely(server: Refusing) -> Iterator[None]:
    """NOREPLICAS."""
    server.client.config_set("min-replicas-to-write", "1")
    try:
        yield
    finally:
        server.client.config_set("min-replicas-to-write", "0")


#: By the word that Redis refuses with.
REFUSALS: Mapping[str, Refusal] = {
    "OOM": full,
    "MISCONF": diskless,
    "READONLY": replica,
    "NOREPLICAS": lonely,
}
