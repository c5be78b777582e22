"""Settings that are checked before any process is started with them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from app.cli.common.command_keys import with_command_keys
from app.providers.profiles import profile_of
from app.settings import RedisSettings, Settings, SettingsError, config_file, environment
from app.settings.file import placed

#: Seconds without a write after which a file is complete, and for how many that is waited for.
SETTLED_S, WRITTEN_S = 0.2, 3.0
#: Seconds after which a file that was read must still be the same: one that is truncated to be
#: written anew is empty for a moment before its time of modification says so (ext4, Linux 6.18).
SAME_S = 0.05


def checked_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of the environment, also checked by the packages that will read them.

    Imports nothing heavy: gunicorn's master calls it before its workers are patched.

    Raises:
        SettingsError: they cannot be used.
    """
    settings = Settings.from_env(environ)
    for provider in settings.providers:
        if provider.api == "local":
            continue
        try:
            profile_of(provider)
        except SettingsError as error:
            raise placed(config_file(environ), error) from None
    return settings


def served_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings for a serving process: checked, with the keys that commands print.

    Raises:
        SettingsError: they cannot be used, or a command has printed no key.
    """
    return with_command_keys(checked_settings(environ), config_file(environ))


def reloaded_settings(file: Path | None) -> Settings:
    """Return the settings anew, for a process that read them from `file` before.

    Unlike at a first start, it is an error if the file is gone, or is empty because somebody is
    about to write it. A file that is being written is waited for, and one that was
    written to meanwhile is read again: half a file may well pass for a whole one.

    Raises:
        SettingsError: they cannot be used.
    """
    found = config_file()
    if file is None:
        return served_settings()
    if found is None:
        raise SettingsError("cannot be read: No such file or directory", file=file)
    until = time.monotonic() + WRITTEN_S
    while True:
        state = _settled(found, until)
        try:
            settings = _settings_in(found)
        except SettingsError:
            if _is_the_same(found, state):
                raise
        else:
            if _is_the_same(found, state):
                return settings


def _settings_in(file: Path) -> Settings:
    if _is_blank(file):
        raise SettingsError("is empty", file=file, line=1)
    return served_settings()


def _settled(file: Path, until: float) -> FileState:
    """Return the state of a file, once nobody has written to it for a moment.

    Raises:
        SettingsError: it is still being written at `until`.
    """
    while True:
        state = _state(file)
        age_s = time.time() - state.written_at_ns / 1e9
        if not 0 <= age_s < SETTLED_S:  # a time in the future says nothing
            return state
        if time.monotonic() > until:
            raise SettingsError("is being written", file=file)
        time.sleep(SETTLED_S - age_s)


def _is_the_same(file: Path, state: FileState) -> bool:
    """Tell whether a file is as it was before it was read, and still is a moment later."""
    time.sleep(SAME_S)
    return _state(file) == state


class FileState(NamedTuple):
    """When a file was last written to, in nanoseconds of Unix time, and its size in bytes."""

    written_at_ns: int
    size: int


def _state(file: Path) -> FileState:
    """Return a file's state; zeros if it is gone."""
    try:
        found = file.stat()
    except OSError:
        return FileState(0, 0)
    return FileState(found.st_mtime_ns, found.st_size)


def _is_blank(file: Path) -> bool:
    try:
        return not file.read_bytes().strip()
    except OSError:
        return False  # the reader reports why it cannot be read


def _take_out(environ: dict[str, str], name: str) -> bool:
    """Tell whether a variable, or its _FILE, is set, and remove both."""
    taken = [environ.pop(each, "").strip() for each in (name, f"{name}_FILE")]
    return any(taken)


def overruling_variables(settings: Settings) -> list[str]:
    """Name the variables that override what gateway.toml says about Redis.

    None if the file can no longer be used: it was changed after `settings` were read from it, and
    whoever reloads it reports what is wrong with it.
    """
    environ = environment()
    names = [name for name in ("REDIS_URL", "REDIS_PREFIX") if _take_out(environ, name)]
    try:
        from_file, defaults = Settings.from_env(environ).redis, RedisSettings()
    except SettingsError:
        return []
    values = {
        "REDIS_URL": (from_file.url, settings.redis.url, from_file.embedded),
        "REDIS_PREFIX": (
            from_file.prefix,
            settings.redis.prefix,
            from_file.prefix == defaults.prefix,
        ),
    }
    return [name for name in names if not values[name][2] and values[name][0] != values[name][1]]
