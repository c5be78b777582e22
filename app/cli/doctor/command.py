"""`doctor`: whether everything that the gateway needs is there."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Literal

import click

from app.api import context
from app.cli.common.group import print_json, print_table, reports_errors
from app.cli.doctor.oddities import oddities
from app.cli.doctor.upstream_keys import NoKey, one_by_one, resting_keys, with_key
from app.errors import GatewayError, StorageUnavailable, UpstreamUnavailable
from app.factory import create_app
from app.providers.registry import survey
from app.services.health import WORKER_SILENCE_S
from app.settings import ProviderSettings, Settings
from app.store.connection.checks import persistence
from app.store.connection.client import connect
from app.store.connection.reasons import explained


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, and how it is."""

    what: str
    state: Literal["ok", "warning", "failed"]
    detail: str


#: What a worker's state, as in /readyz, amounts to.
_WORKERS: Mapping[str, tuple[Literal["ok", "warning", "failed"], str]] = {
    "ok": ("ok", "takes jobs"),
    "disabled": ("ok", "not needed: [background] enabled is false"),
    "missing": (
        "failed",
        f"none has taken a job in the last {WORKER_SILENCE_S:.0f} s, or could have",
    ),
    "unknown": ("warning", "unknown: Redis does not answer"),
}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each finding.")
def doctor(*, as_json: bool) -> None:
    """Check settings, Redis, the worker, keys and providers; exit with 1 if one failed."""
    with reports_errors():
        findings = list(examine(Settings.from_env()))
    if as_json:
        for each in findings:
            print_json(asdict(each))
    else:
        rows = ((each.what, each.state, each.detail) for each in findings)
        print_table(("WHAT", "STATE", "DETAIL"), rows)
    sys.exit(int(any(each.state == "failed" for each in findings)))


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything, what others depend on first.

    Raises:
        SettingsError: the settings cannot be used.
    """
    app = create_app(settings)
    yield Finding("settings", "ok", f"providers: {len(settings.providers)}")
    try:
        yield from _redis(settings)
        with app.app_context():
            yield _writes()
            yield from _worker_and_keys()
    except GatewayError as error:
        why = explained(error) if isinstance(error, StorageUnavailable) else error.message
        yield Finding("redis", "failed", why)
    with app.app_context():
        yield _spool()
    with ThreadPoolExecutor() as pool:
        keys = [key for provider in settings.providers for key in one_by_one(provider)]
        yield from pool.map(_provider, keys)
    bind = settings.web.metrics_bind or settings.web.bind
    yield from _oddities(bind)
    yield from _resting_keys(bind)


def _redis(settings: Settings) -> Iterator[Finding]:
    for server in persistence(connect(settings.redis)):
        warnings = [str(each) for each in server.warnings(settings.redis.wait_replicas)]
        yield Finding("redis", "warning" if warnings else "ok", "; ".join(warnings) or "answers")


def _writes() -> Finding:
    readiness = context.services().health.readiness()
    refused = readiness.checks["store"] != "ok"
    detail = readiness.reasons["store"] if refused else "accepted"
    return Finding("writes", "failed" if refused else "ok", detail)


def _spool() -> Finding:
    """Look at the spool, without making what is not there: this user may be another."""
    spool = context.services().spool
    folders = spool.folders
    if (fault := folders.fault()) is not None:
        return Finding("spool", "warning", f"{folders.directory} cannot be written to: {fault}")
    if not folders.directory.is_dir():
        return Finding("spool", "ok", f"{folders.directory} is created when it is needed")
    with suppress(GatewayError):
        spool.identify()
    if folders.store_id is None:
        return Finding(
            "spool", "warning", "which Redis its responses wait for is unknown: none answers"
        )
    waiting = [f"responses waiting for this Redis: {len(folders.own().waiting())}"]
    if unnamed := folders.unnamed():
        waiting.append(f"of an earlier release, for an unnamed Redis: {unnamed}")
    foreign = folders.foreign().items()
    waiting += [f"for another Redis, {store}: {n}" for store, n in foreign if n]
    calm = waiting == ["responses waiting for this Redis: 0"]
    return Finding("spool", "ok" if calm else "warning", "; ".join(waiting))


def _worker_and_keys() -> Iterator[Finding]:
    services = context.services()
    yield Finding("worker", *_WORKERS[services.health.readiness().checks["worker"]])
    active = sum(key.active for key in services.accounts.keys())  # noqa: SIM118 - no mapping
    yield Finding("keys", "ok" if active else "warning", f"active: {active}")


def _oddities(bind: str) -> Iterator[Finding]:
    """Name what the gateway that runs here could not read of providers' answers."""
    for provider, kinds in oddities(bind).items():
        most_first = sorted(kinds.items(), key=lambda each: (-each[1], each[0]))
        named = ", ".join(f"{kind} {count}" for kind, count in most_first)
        yield Finding(provider, "warning", f"parts of its answers were not understood: {named}")


def _resting_keys(bind: str) -> Iterator[Finding]:
    """Name the keys of pools that rest in the gateway that runs here."""
    for provider, keys in resting_keys(bind).items():
        for key, seconds in keys.items():
            detail = (
                f"rate limited or refused: not called for {seconds} s more, in one process at least"
            )
            yield Finding(f"{provider}/{key}", "warning", detail)


def _provider(settings: ProviderSettings) -> Finding:
    """Ask the provider for its models: one that cannot tell them has still been reached."""
    try:
        settings = with_key(settings)
        found = survey(settings)
    except NoKey as fault:
        return Finding(settings.name, "failed", str(fault))
    except UpstreamUnavailable as error:
        # A server without a key that is asked for its models may be one that nobody named.
        nobodys = settings.discover and settings.api_key is None
        return Finding(settings.name, "warning" if nobodys else "failed", error.message)
    except GatewayError as error:
        return Finding(settings.name, "failed", error.message)
    detail = f"models: {len(found.models)}" if found.models else "answers"
    if found.detected is None or (found.detected == found.profile and settings.profile):
        return Finding(settings.name, "ok", detail)
    if found.detected == found.profile:
        return Finding(settings.name, "ok", f"{detail}; it reports that it is {found.detected}")
    why = f"it reports that it is {found.detected}, but is treated as {found.profile}"
    return Finding(settings.name, "warning", f"{detail}; {why}: see docs/profiles.md")
