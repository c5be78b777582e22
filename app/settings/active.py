"""The settings in effect in this process and the processes forked from it.

gunicorn's master reads gateway.toml once, and again at each reload. Its workers use the last
settings that were valid: a worker that is forked while the file is broken still serves.
"""

from __future__ import annotations

from app.settings import Settings

_active: list[Settings] = []


def activate(settings: Settings) -> None:
    """Use these settings from now on."""
    _active[:] = [settings]


def active() -> Settings | None:
    """Return the settings activated here, or in the process that forked this one."""
    return _active[0] if _active else None
