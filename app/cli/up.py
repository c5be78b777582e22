"""`up`: the whole gateway on one machine, from nothing."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

import click
import redis

from app.cli import embedded_redis, processes
from app.cli.address import AddressTaken, check_free
from app.cli.checked import checked_settings
from app.cli.embedded_redis import EmbeddedRedis, RedisError
from app.cli.processes import METRICS
from app.cli.supervisor import supervise
from app.cli.welcome import NotReady, welcome
from app.errors import GatewayError
from app.settings import DATA, Settings, SettingsError, environment
from app.store.connect import connect

_WATCH_S = 0.5


class DataTaken(Exception):
    """Another `up` works in this folder."""


@click.command("up")
def up() -> None:
    """Start Redis if none is named, web and worker; make a first key; end all with Ctrl-C.

    stdout gets a curl command that works, stderr what the processes write.
    """
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda *_: sys.exit(0))
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    try:
        settings = checked_settings()
        with only_one(DATA), _redis(settings) as embedded, _metrics() as metrics:
            status = _serve(settings, embedded, metrics)
    except (SettingsError, AddressTaken, DataTaken, RedisError) as error:
        raise click.ClickException(f"The gateway cannot start: {error}") from None
    sys.exit(status)


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Keep the folder for this process alone.

    Raises:
        DataTaken: another `up` has it.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataTaken(f"another one already runs on {folder.resolve()}") from None
        # What is forked from here shares the lock, and must not outlive this process with it.
        os.register_at_fork(after_in_child=lock.close)
        yield


@contextmanager
def _redis(settings: Settings) -> Iterator[EmbeddedRedis | None]:
    """Have a Redis: the one that is named, which must answer, else one of our own.

    Raises:
        AddressTaken: there would be nowhere to listen, so that nothing need be started.
        RedisError: there is none.
    """
    check_free(settings.web.bind)
    if settings.redis.embedded:
        with embedded_redis.running(DATA) as embedded:
            yield embedded
        return
    try:
        client = connect(settings.redis)
        client.ping()
        client.close()
    except (redis.RedisError, OSError, ValueError) as error:
        where = urlsplit(settings.redis.url).netloc.rpartition("@")[2] or "its socket"
        raise RedisError(f"Redis cannot be reached at {where}: {error}") from None
    yield None


@contextmanager
def _metrics() -> Iterator[str]:
    """Yield the folder where the counters of web and worker meet, unless the operator names one."""
    if named := environment().get(METRICS):
        yield named
    else:
        with tempfile.TemporaryDirectory(prefix="gateway-metrics-") as folder:
            yield folder


def _serve(settings: Settings, embedded: EmbeddedRedis | None, metrics: str) -> int:
    """Run web and worker until something ends them; return the exit status."""
    told = {"LOG_FORMAT": "text", **environment()}
    told[METRICS] = metrics
    if embedded is not None:
        told["REDIS_URL"] = embedded.url
        settings = replace(settings, redis=replace(settings.redis, url=embedded.url))
    commands = {"web": processes.web()}
    if processes.has_worker(settings):
        commands["worker"] = processes.worker()
    faults: list[str] = []
    over = Event()

    def beside() -> None:
        try:
            click.echo(welcome(settings, DATA / "first-key", over))
            _watch(embedded, over)
        except (NotReady, RedisError, GatewayError) as error:
            if not over.is_set():
                faults.append(str(error))
                os.kill(os.getpid(), signal.SIGTERM)

    grace_s = max(settings.requests.grace_s, settings.background.grace_s)
    status = supervise(commands, told, grace_s=grace_s, beside=beside)
    over.set()
    for fault in faults:
        click.echo(f"Error: The gateway has ended: {fault}", err=True)
    return status or bool(faults)


def _watch(embedded: EmbeddedRedis | None, over: Event) -> None:
    """Return when it is over.

    Raises:
        RedisError: our Redis has ended by itself.
    """
    while not over.wait(_WATCH_S):
        if embedded is not None and (status := embedded.ended()) is not None:
            raise RedisError(f"redis-server ended by itself (exit status {status})")
