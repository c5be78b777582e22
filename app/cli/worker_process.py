"""A process that works on background responses: what the worker's master starts.

The master's first line says by which settings: `fresh FILE` has it read them anew, FILE being
where the last were read from; `kept SETTINGS` hands back what a process before it was `ready` with,
so that one which replaces a dead one does not depend on what has become of gateway.toml.
"""

from __future__ import annotations

import base64
import pickle
import socket
import sys
from dataclasses import fields, is_dataclass

from app.cli.checked import checked_settings
from app.cli.processes import has_worker, leave_no_core
from app.factory import create_worker
from app.jobs.process import Channel
from app.logs.libraries import catch_uncaught, listen
from app.settings import Settings, SettingsError, values

#: The exit status of a process whose settings cannot be used (sysexits.h).
EX_CONFIG = 78


def main() -> None:
    """Work until the master says otherwise."""
    leave_no_core()
    channel = Channel(socket.socket(fileno=int(sys.argv[1])))
    word, _, rest = next(channel.lines(), "").partition(" ")
    try:
        settings = (_unpacked(rest) if word == "kept" else None) or _read()
    except SettingsError as error:
        channel.say("refused", " ".join(str(error).split()))
        sys.exit(EX_CONFIG)
    listen(settings.log_level, settings.log_format)
    catch_uncaught()
    background = settings.background
    times = (f"{background.drain_s:g}", f"{background.grace_s:g}")
    create_worker(settings, channel).run(*times, _packed(settings))


def _read() -> Settings:
    settings = checked_settings()
    if not has_worker(settings):
        raise SettingsError("[background] enabled is false: there is nothing to do.")
    return settings


def _packed(settings: Settings) -> str:
    return base64.b64encode(pickle.dumps((_shape(), settings))).decode()


def _unpacked(packed: str) -> Settings | None:
    """Return the settings; None where another version of the gateway has packed them."""
    try:
        shape, settings = pickle.loads(base64.b64decode(packed))  # noqa: S301 - our own master's
    except Exception:  # noqa: BLE001 - whatever it is, they are read anew then
        return None
    return settings if shape == _shape() and isinstance(settings, Settings) else None


def _shape() -> list[str]:
    """Return what settings consist of in this version."""
    kinds = {"Settings": Settings, **vars(values)}
    return [
        f"{name}.{each.name}"
        for name, kind in kinds.items()
        if is_dataclass(kind)
        for each in fields(kind)
    ]


if __name__ == "__main__":
    main()
