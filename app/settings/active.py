"""The settings that this process goes by, and those that are forked from it.

gunicorn's master reads gateway.toml once, and anew when it is asked to reload. Its workers take
what it has found usable: one that is forked later, while the file is broken, serves all the same.
"""

from __future__ import annotations

from app.settings import Settings

_active: list[Settings] = []


def activate(settings: Settings) -> None:
    """Go by these from now on."""
    _active[:] = [settings]


def active() -> Settings | None:
    """Return what was activated here, or in the process that forked this one."""
    return _active[0] if _active else None
