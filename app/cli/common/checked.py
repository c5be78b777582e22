"""Settings that are proved to be usable before any process is started with them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from app.cli.common.command_keys import with_command_keys
from app.providers.profiles import profile_of
from app.settings import RedisSettings, Settings, SettingsError, config_file, environment

#: A file that nobody has written to for so long is whole; how long is waited for that (seconds).
SETTLED_S, WRITTEN_S = 0.2, 3.0


def checked_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of the environment, judged by the rooms that will read them, too.

    Nothing heavy is imported for it: gunicorn's master asks, before its workers are patched.

    Raises:
        SettingsError: they cannot be used.
    """
    settings = Settings.from_env(environ)
    for provider in settings.providers:
        if provider.api != "local":
            profile_of(provider)
    return settings


def served_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of what is to serve: checked, and with the keys that commands print.

    Raises:
        SettingsError: they cannot be used, or a command has printed no key.
    """
    return with_command_keys(checked_settings(environ), config_file(environ))


def reloaded_settings(file: Path | None) -> Settings:
    """Return the settings anew, for a process that read them from `file` before.

    What would be nothing to complain of at a first start is here: a file that has gone, or that
    is empty because somebody is about to write it. One that is being written is waited for.

    Raises:
        SettingsError: they cannot be used.
    """
    found = config_file()
    if file is not None:
        if found is None:
            raise SettingsError("cannot be read: No such file or directory", file=file)
        _wait_until_written(found)
        if _is_blank(found):
            raise SettingsError("is empty", file=found, line=1)
    return served_settings()


def _wait_until_written(file: Path) -> None:
    """Wait for a file that was written to a moment ago: half of one may well be a whole one, too.

    Raises:
        SettingsError: somebody goes on writing.
    """
    until = time.monotonic() + WRITTEN_S
    while 0 <= (age_s := time.time() - _written_at(file)) < SETTLED_S:
        if time.monotonic() > until:
            raise SettingsError("is being written", file=file)
        time.sleep(SETTLED_S - age_s)


def _written_at(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def _is_blank(file: Path) -> bool:
    try:
        return not file.read_bytes().strip()
    except OSError:
        return False  # whoever reads it says why it cannot


def overruling_variables(settings: Settings) -> list[str]:
    """Name the variables because of which what gateway.toml says of Redis counts for nothing."""
    environ = environment()
    names = [name for name in ("REDIS_URL", "REDIS_PREFIX") if environ.pop(name, "").strip()]
    from_file, defaults = Settings.from_env(environ).redis, RedisSettings()
    values = {
        "REDIS_URL": (from_file.url, settings.redis.url, from_file.embedded),
        "REDIS_PREFIX": (
            from_file.prefix,
            settings.redis.prefix,
            from_file.prefix == defaults.prefix,
        ),
    }
    return [name for name in names if not values[name][2] and values[name][0] != values[name][1]]
