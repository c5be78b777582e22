"""Runs the commands that print providers' keys, before anything is started with them (N7)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from app.providers.keys.credentials import CredentialUnreadable, read_credential
from app.settings import KeySource, ProviderSettings, Settings
from app.settings.file import located
from app.settings.tables import KeyPath

_NAME = "api_key_command"


@dataclass(slots=True)
class _Command:
    """A command at `path` in gateway.toml, and the key that it printed, or why it did not."""

    path: KeyPath
    source: KeySource
    key: str | None = None
    reason: str = ""

    def run(self) -> None:
        try:
            self.key = read_credential(self.source)
        except CredentialUnreadable as fault:
            self.reason = fault.reason


def with_command_keys(settings: Settings, file: Path | None) -> Settings:
    """Return the settings with the keys that their commands print; all commands run at once.

    `file` is the gateway.toml that they are from.

    Raises:
        SettingsError: a command has printed no key; the error has its line.
    """
    commands = [_Command(*each) for provider in settings.providers for each in _commands(provider)]
    if not commands:
        return settings
    threads = [threading.Thread(target=each.run) for each in commands]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    for command in commands:
        if command.key is None:
            raise located(file, command.path, command.reason)
    keys = {each.path: each.key for each in commands}
    providers = tuple(_keyed(provider, keys) for provider in settings.providers)
    return replace(settings, providers=providers, commands_run_at=time.monotonic())


def _commands(provider: ProviderSettings) -> Iterator[tuple[KeyPath, KeySource]]:
    """Yield the path in gateway.toml of each command of a provider, and how it is run."""
    path = ("providers", provider.name)
    own = provider.api_key_source
    if own is not None and own.command:
        yield (*path, _NAME), own
    for place, key in enumerate(provider.keys):
        if key.source is not None and key.source.command:
            yield (*path, "keys", place, _NAME), key.source


def _keyed(provider: ProviderSettings, found: dict[KeyPath, str | None]) -> ProviderSettings:
    path = ("providers", provider.name)
    keys = tuple(
        replace(key, api_key=found.get((*path, "keys", place, _NAME), key.api_key))
        for place, key in enumerate(provider.keys)
    )
    return replace(provider, keys=keys, api_key=found.get((*path, _NAME), provider.api_key))
