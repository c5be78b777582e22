"""`up`: the whole gateway on one machine, from nothing."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from threading import Event
from urllib.parse import urlsplit

import click
import redis

from app.cli.common import processes
from app.cli.common.address import AddressTaken, check_free
from app.cli.common.checked import checked_settings
from app.cli.common.processes import METRICS, FolderUnusable
from app.cli.up import embedded_redis
from app.cli.up.embedded_redis import EmbeddedRedis, RedisError
from app.cli.up.leftovers import LeftOver, await_left_over, gateway_at, mark
from app.cli.up.lock import FolderTaken, only_one
from app.cli.up.reaper import Register, reaping
from app.cli.up.supervisor import supervise
from app.cli.up.welcome import NotReady, welcome
from app.errors import GatewayError
from app.settings import DATA, Settings, SettingsError, environment
from app.store.connection.client import connect

_WATCH_S = 0.5
#: Why it cannot start.
_REFUSALS = (
    SettingsError,
    AddressTaken,
    FolderTaken,
    FolderUnusable,
    LeftOver,
    RedisError,
)
#: Jobs get their grace period, not the longer time for a deploy.
_STOPS = {"worker": signal.SIGINT}


@click.command("up")
def up() -> None:
    """Start Redis (if none is configured), web and worker, and create a first key.

    Ctrl-C stops everything. A working curl command is printed to stdout, the output of the
    processes to stderr.
    """
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda *_: sys.exit(0))
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    try:
        settings = checked_settings()
        processes.check_metrics_folder()
        marked = environment(**mark(DATA), BIND=settings.web.bind)
        with (
            only_one(DATA, settings.web.bind),
            _clear(settings.web.bind),
            reaping(marked) as register,
            _redis(settings, marked, register) as embedded,
            _metrics() as metrics,
        ):
            status = _serve(settings, embedded, {**marked, METRICS: metrics}, register)
    except _REFUSALS as error:
        raise click.ClickException(f"The gateway cannot start: {error}") from None
    sys.exit(status)


@contextmanager
def _clear(bind: str) -> Iterator[None]:
    """Ensure that nothing of an earlier run is left and that the address is free, before the start.

    Raises:
        LeftOver: processes of an earlier run do not end.
        AddressTaken: nothing can listen there.
    """
    await_left_over(DATA, partial(click.echo, err=True), Event().wait)
    try:
        check_free(bind)
    except AddressTaken:
        if (other := gateway_at(bind)) is not None:
            raise AddressTaken(
                f"{bind} is in use: the gateway of {other} listens there. Name another address "
                "with BIND=HOST:PORT."
            ) from None
        raise
    yield


@contextmanager
def _redis(
    settings: Settings, environ: Mapping[str, str], register: Register
) -> Iterator[EmbeddedRedis | None]:
    """Provide a Redis: the one that is named, which must answer, or else one of our own.

    Raises:
        RedisError: none can be had.
    """
    if settings.redis.embedded:
        with embedded_redis.running(DATA, environ, partial(register, "redis")) as embedded:
            yield embedded
        return
    try:
        client = connect(settings.redis)
        client.ping()
        client.close()
    except (redis.RedisError, OSError, ValueError) as error:
        where = urlsplit(settings.redis.url).netloc.rpartition("@")[2] or "its socket"
        raise RedisError(f"Redis is unreachable at {where}: {error}") from None
    yield None


@contextmanager
def _metrics() -> Iterator[str]:
    """Yield the folder for the counters of web and worker; the operator may name one."""
    if named := environment().get(METRICS):
        yield named
    else:
        with processes.metrics_folder() as folder:
            yield folder


def _serve(
    settings: Settings,
    embedded: EmbeddedRedis | None,
    environ: Mapping[str, str],
    register: Register,
) -> int:
    """Run web and worker until something ends them; return the exit status."""
    variables = {"LOG_FORMAT": "text", **processes.web_environment(environ)}
    if embedded is not None:
        variables["REDIS_URL"] = embedded.url
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
    status = supervise(
        commands, variables, grace_s=grace_s, beside=beside, stops=_STOPS, watch=register
    )
    over.set()
    for fault in faults:
        click.echo(f"Error: The gateway has ended: {fault}", err=True)
    return status or bool(faults)


def _watch(embedded: EmbeddedRedis | None, over: Event) -> None:
    """Return when `over` is set.

    Raises:
        RedisError: our Redis has ended by itself.
    """
    while not over.wait(_WATCH_S):
        if embedded is not None and (status := embedded.ended()) is not None:
            raise RedisError(f"redis-server ended by itself (exit status {status})")
