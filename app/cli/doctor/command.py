"""`doctor`: checks whether everything that the gateway needs is there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial

import click

from app.api import context
from app.cli.common.checked import checked_settings
from app.cli.common.group import print_json
from app.cli.common.tables import print_table
from app.cli.doctor.background import worker_finding
from app.cli.doctor.finding import Finding
from app.cli.doctor.host import descriptors_finding, network_findings, spool_finding
from app.cli.doctor.oddities import oddities
from app.cli.doctor.redis import permissions_finding, redis_findings, unreachable, writes_finding
from app.cli.doctor.upstream_keys import one_by_one, resting_keys
from app.cli.doctor.upstreams import issuer_finding, provider_findings
from app.errors import GatewayError, StorageUnavailable
from app.factory import create_app
from app.settings import IssuerSettings, Settings, SettingsError
from app.store.connection.client import Client, connect
from app.store.connection.reasons import refuses_writes
from app.store.permissions import permissions
from app.store.spool.store_identity import StoreIdentity


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON per finding.")
def doctor(*, as_json: bool) -> None:
    """Check settings, Redis, the worker, keys and providers, and say how to fix problems.

    Exit status: 0 if no check failed (there may be warnings), 1 if one failed, 2 if the command
    was used wrongly.
    """
    findings = list(examine_environment())
    if as_json:
        for each in findings:
            print_json(asdict(each))
    else:
        print_table(("WHAT", "STATE", "DETAIL"), _rows(findings))
    sys.exit(int(any(each.state == "failed" for each in findings)))


def _rows(findings: Iterable[Finding]) -> Iterator[tuple[str, str, str]]:
    for each in findings:
        yield each.what, each.state, each.detail
        if each.remedy:
            yield "", "", f"-> {each.remedy}"


def examine_environment() -> Iterator[Finding]:
    """Examine everything, if the settings of this environment can be used."""
    try:
        yield from examine(checked_settings())
    except SettingsError as error:
        place = "the variable" if error.line is None else f"line {error.line}"
        if error.file is not None and error.line is None:
            place = "the file"
        remedy = f"mend {place}; `check-config` judges it before anything is started"
        yield Finding("settings", "failed", str(error), remedy)


def examine(settings: Settings) -> Iterator[Finding]:
    """Examine everything, starting with what the rest depends on.

    Raises:
        SettingsError: the settings cannot be used.
    """
    app = create_app(settings)
    yield Finding("settings", "ok", f"providers: {len(settings.providers)}")
    takes_writes = False
    with app.app_context():
        try:
            client = connect(settings.redis)
            yield from redis_findings(client, settings.redis)
            yield permissions_finding(permissions(client, settings.redis).refusals())
            fault = _write_fault(client, settings.redis.prefix)
            takes_writes = fault is None
            yield writes_finding(fault)
            yield _worker()
            yield _keys(settings)
        except StorageUnavailable as error:
            yield unreachable(error, settings.redis)
        except GatewayError as error:
            yield Finding("redis", "failed", error.message)
        yield spool_finding(context.services().spool, takes_writes=takes_writes)
    yield descriptors_finding(settings)
    yield from network_findings(settings.network)
    yield from _beside(settings)
    bind = settings.web.metrics_bind or settings.web.bind
    yield from _oddities(bind)
    yield from _resting_keys(bind)


def _write_fault(client: Client, prefix: str) -> StorageUnavailable | None:
    """Return why Redis takes no writes, or None if it does.

    Raises:
        StorageUnavailable: it does not answer.
    """
    try:
        StoreIdentity(client, prefix).probe()
    except StorageUnavailable as fault:
        if refuses_writes(fault):
            return fault
        raise
    return None


def _worker() -> Finding:
    services = context.services()
    found = services.health.readiness()
    state = found.checks["worker"]
    queues = services.background.queues() if state == "missing" else None
    return worker_finding(state, queues, found.reasons.get("worker"))


def _keys(settings: Settings) -> Finding:
    active = sum(key.active for key in context.services().accounts.keys())  # noqa: SIM118 - no mapping
    if active or settings.issuers:  # callers with tokens need no key
        return Finding("keys", "ok", f"active: {active}")
    return Finding("keys", "warning", f"active: {active}", "make one: keys create --account NAME")


def _beside(settings: Settings) -> Iterator[Finding]:
    """Examine providers and issuers, all at once; yield findings in the order of the file."""
    looks: list[Callable[[], list[Finding]]] = [
        partial(provider_findings, settings, key)
        for provider in settings.providers
        for key in one_by_one(provider)
    ]
    looks += [partial(_of_issuer, each) for each in settings.issuers]
    with ThreadPoolExecutor() as pool:
        for found in pool.map(lambda look: look(), looks):
            yield from found


def _of_issuer(issuer: IssuerSettings) -> list[Finding]:
    return [issuer_finding(issuer)]


def _oddities(bind: str) -> Iterator[Finding]:
    """Report what the gateway that runs here could not read in providers' answers."""
    for provider, kinds in oddities(bind).items():
        most_first = sorted(kinds.items(), key=lambda each: (-each[1], each[0]))
        named = ", ".join(f"{kind} {count}" for kind, count in most_first)
        yield Finding(provider, "warning", f"parts of its answers were not understood: {named}")


def _resting_keys(bind: str) -> Iterator[Finding]:
    """Report the keys of pools that rest in the gateway that runs here."""
    for provider, keys in resting_keys(bind).items():
        for key, seconds in keys.items():
            yield Finding(
                f"{provider}/{key}",
                "warning",
                f"limited or refused: not called for {seconds} s more, by one process at least",
                "nothing, where others of its pool serve; else wait, or renew it",
            )
