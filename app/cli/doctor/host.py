"""What `doctor` reports about this machine: the spool, file descriptors and the environment."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from app.cli.doctor.finding import Finding
from app.errors import GatewayError
from app.settings import NetworkSettings, Settings
from app.store.spool.delivery import SpoolDelivery
from app.store.spool.folders import SpoolFolders

#: Free bytes below which a spool is as good as full: a few answers of the largest size.
LITTLE_ROOM = 256 * 1024 * 1024
#: Descriptors that a process opens besides two per request: Redis' pool, listeners, logs.
_BESIDE = 100


def spool_finding(spool: SpoolDelivery, *, takes_writes: bool) -> Finding:
    """Examine the spool, without creating what is missing: this user may not be the service's.

    `takes_writes` says that Redis takes writes: then the spool is delivered.
    """
    folders = spool.folders
    with suppress(GatewayError):
        spool.identify()
    folders.doubt()  # it may have been tried before the store's own folder was known
    if (fault := folders.fault()) is not None:
        return Finding(
            "spool",
            "warning",
            f"{folders.directory} cannot be written to: {fault}",
            "give it to the user of the service, on a disk with room, or set SPOOL_DIR: without it "
            "answers are refused while Redis takes none",
        )
    free = _free_bytes(folders.directory)
    if free < LITTLE_ROOM:
        return Finding(
            "spool",
            "warning",
            f"the disk of {folders.directory} has {free // 1024**2} MB left",
            "make room: answers wait there while Redis takes none",
        )
    if not folders.directory.is_dir():
        return Finding("spool", "ok", f"{folders.directory} is created when it is needed")
    if folders.store_id is None:
        return Finding(
            "spool", "warning", "which Redis its responses wait for is unknown: none answers"
        )
    try:
        return _waiting(folders, takes_writes=takes_writes)
    except OSError as error:
        return Finding(
            "spool",
            "warning",
            f"{folders.directory} cannot be read by this user: {error.strerror}",
            "run doctor as the user of the service",
        )


def _waiting(folders: SpoolFolders, *, takes_writes: bool) -> Finding:
    own, unnamed = len(folders.own().waiting()), folders.unnamed()
    waiting = [f"responses waiting for this Redis: {own}"]
    if unnamed:
        waiting.append(f"of an earlier release, for an unnamed Redis: {unnamed}")
    foreign = [f"for another Redis, {s}: {n}" for s, n in folders.foreign().items() if n]
    waiting += foreign
    if not (own or unnamed or foreign):
        return Finding("spool", "ok", waiting[0])
    remedies = []
    if own or unnamed:
        remedies.append(
            "start web here with this SPOOL_DIR: it delivers them"
            if takes_writes
            else "mend Redis first: they are delivered when it takes writes"
        )
    if foreign:
        remedies.append("what is for another Redis is delivered by its own gateway")
    return Finding("spool", "warning", "; ".join(waiting), "; ".join(remedies))


def _free_bytes(directory: Path) -> int:
    for each in (directory, *directory.absolute().parents):
        with suppress(OSError):
            return shutil.disk_usage(each).free
    return LITTLE_ROOM


def descriptors_finding(settings: Settings) -> Finding:
    """Report whether a process may open as many files as it may need at once."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # One for the caller and one for the upstream; the worker's jobs need only the latter.
    wanted = max(2 * settings.requests.max_in_flight, settings.background.concurrency)
    wanted += settings.redis.pool_size + _BESIDE
    if hard == resource.RLIM_INFINITY or hard >= wanted:
        return Finding("descriptors", "ok", f"{hard} a process")
    return Finding(
        "descriptors",
        "warning",
        f"a process may open {hard} files, and {wanted} may be needed at once",
        "raise the limit (LimitNOFILE= of the unit, ulimit -Hn, --ulimit nofile), or lower "
        "[requests] max_in_flight",
    )


def network_findings(network: NetworkSettings) -> Iterator[Finding]:
    """Report the proxies and certificates of the environment, and whether they are used."""
    if network.unused:
        names = ", ".join(network.unused)
        yield Finding(
            "proxy",
            "warning",
            f"set and not used: {names}",
            "if providers are behind it: [upstreams] use_environment_proxies = true; else nothing",
        )
    elif network.proxies:
        yield Finding("proxy", "ok", "the environment's: [upstreams] use_environment_proxies")
    if network.ca_file is not None:
        detail = f"certificates are checked against {network.ca_variable}: {network.ca_file}"
        yield Finding("certificates", "ok", detail)
