"""Starts a process that runs background responses, as job_process.py has prepared it.

The master's first line says which settings to use. `fresh`: gateway.toml's. `again SETTINGS`: the
same, read anew; SETTINGS is what an earlier process was `ready` with. `kept SETTINGS`: those, so
that the replacement of a dead process does not depend on what has become of gateway.toml.
"""

from __future__ import annotations

import base64
import pickle
import socket
import sys
from dataclasses import fields, is_dataclass
from pathlib import Path

from app.cli.common.checked import overruling_variables, reloaded_settings
from app.cli.common.processes import has_worker, leave_no_core
from app.cli.worker.child import fault_text
from app.factory import create_worker
from app.huge_pages import keep_in_huge_pages
from app.jobs.process import Channel
from app.jobs.work_queue import WarmThreadsQueue
from app.logs.libraries import catch_uncaught, listen
from app.memory import collect_seldom, give_back_each_minute
from app.settings import Settings, SettingsError, config_file, environment, values
from app.telemetry import gather_counts, log

#: The exit status of a process whose settings cannot be used (sysexits.h).
EX_CONFIG = 78


def main(*, on_threads: bool) -> None:
    """Run jobs until the master ends it; if threads are patched, jobs are greenlets."""
    leave_no_core()
    with socket.socket(fileno=int(sys.argv[1])) as ours:
        _work(Channel(ours), on_threads=on_threads)


def _work(channel: Channel, *, on_threads: bool) -> None:
    word, _, packed = next(channel.lines(), "").partition(" ")
    before = _unpacked(packed)
    try:
        kept = before if word == "kept" else None
        settings, file = kept or _read(before[1] if before else None)
    except SettingsError as error:
        channel.send("fault", fault_text(error))
        channel.send("refused", " ".join(str(error).split()))
        sys.exit(EX_CONFIG)
    listen(settings.log_level, settings.log_format)
    catch_uncaught()
    gather_counts()
    background = settings.background
    times = (f"{background.drain_s:g}", f"{background.grace_s:g}")
    worker = create_worker(settings, channel, WarmThreadsQueue() if on_threads else None)
    if word == "again" and (names := overruling_variables(settings)):
        log.warning("environment_overrules_file", names=names, remedy="restart the worker")
    collect_seldom()
    give_back_each_minute(environment())
    keep_in_huge_pages()
    worker.run(*times, _packed(settings, file))


def _read(before: Path | None) -> tuple[Settings, Path | None]:
    """Return the settings and their file; `before` is the file of the settings before."""
    settings = reloaded_settings(before)
    if not has_worker(settings):
        raise SettingsError("[background] enabled is false: there is nothing to do.")
    return settings, config_file()


def _packed(settings: Settings, file: Path | None) -> str:
    return base64.b64encode(pickle.dumps((_shape(), settings, file))).decode()


def _unpacked(packed: str) -> tuple[Settings, Path | None] | None:
    """Return the settings and their file; None if another version of the gateway packed them."""
    try:
        shape, settings, file = pickle.loads(base64.b64decode(packed))  # noqa: S301 - our master's
    except Exception:  # noqa: BLE001 - whatever it is, they are then read anew
        return None
    return (settings, file) if shape == _shape() else None


def _shape() -> list[str]:
    """Return the fields that settings have in this version."""
    kinds = {"Settings": Settings, **vars(values)}
    return [
        f"{name}.{each.name}"
        for name, kind in kinds.items()
        if is_dataclass(kind)
        for each in fields(kind)
    ]
