"""Reads gateway.toml: every key must be known, and its value of the right type and range."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.settings import readers, toml
from app.settings.access.jwt import IssuerSettings, read_issuers
from app.settings.errors import SettingsError
from app.settings.models import read_models
from app.settings.money.budgets import read_budgets
from app.settings.providers import read_providers
from app.settings.redis.url import read_url
from app.settings.tables import Fault, KeyPath, bad_key, did_you_mean, read_table
from app.settings.values import ModelSettings, ProviderSettings

#: With or without a byte order mark, which some editors write.
_ENCODING = "utf-8-sig"
_TABLES: Mapping[str, Mapping[str, readers.Reader]] = {
    "limits": {
        "requests_per_minute": readers.whole(1),
        "requests_per_day": readers.whole(1),
        "tokens_per_minute": readers.whole(1),
        "max_in_flight": readers.whole(1),
        "max_stored_bytes": readers.whole(1),
        "budget": read_budgets,
        "when_store_is_away": readers.one_of("open", "closed"),
    },
    "background": {
        "enabled": readers.flag,
        "time_limit_s": readers.seconds,
        "drain_s": readers.seconds_or_none,
        "grace_s": readers.seconds_or_none,
        "max_queued_per_account": readers.whole(1),
    },
    "requests": {
        "unsupported_tools": readers.one_of("refuse", "drop"),
        "unknown_parameters": readers.one_of("ignore", "refuse"),
        "max_in_flight": readers.whole(1),
        "max_body_memory_mb": readers.whole(1),
        "input_cache_mb": readers.whole(0),
        "keepalive_s": readers.seconds,
        "grace_s": readers.seconds_or_none,
    },
    "websocket": {
        "enabled": readers.flag,
        "max_sessions": readers.whole(1),
        "max_sessions_per_key": readers.whole(1),
        "max_age_s": readers.seconds,
        "idle_s": readers.seconds,
        "memory_mb": readers.whole(1),
    },
    "storage": {
        "retention_days": readers.days,
        "request_log": readers.whole(0),
    },
    "web": {
        "console": readers.flag,
        "cors_origins": readers.origins,
        "docs": readers.flag,
    },
    "webhooks": {
        "allow_private_addresses": readers.flag,
        "timeout_s": readers.seconds,
    },
    "usage": {
        "metadata_keys": readers.metadata_keys,
    },
    "upstreams": {
        "use_environment_proxies": readers.flag,
    },
    "redis": {
        "url": read_url,
        "prefix": readers.prefix,
        "pool_size": readers.whole(1),
        "connect_timeout_s": readers.seconds,
        "timeout_s": readers.seconds,
        "wait_replicas": readers.whole(0),
    },
}
_KNOWN = ("providers", "models", "auth", *_TABLES)


@dataclass(frozen=True, slots=True)
class FileSettings:
    """The settings of a file. `tables` has the values of the other tables, by name."""

    providers: tuple[ProviderSettings, ...]
    models: tuple[ModelSettings, ...] = ()
    issuers: tuple[IssuerSettings, ...] = ()
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def read_file(
    file: Path, environ: Mapping[str, str], found: tuple[ProviderSettings, ...]
) -> FileSettings:
    """Read the file; `found` are the providers to use if it names none.

    Raises:
        SettingsError: with the line number, if there is one.
    """
    try:
        text = file.read_text(_ENCODING)
    except OSError as error:
        raise SettingsError(f"cannot be read: {error.strerror}", file=file) from None
    except UnicodeDecodeError:
        raise SettingsError("is not UTF-8", file=file) from None
    try:
        return _read(toml.parse(text), environ, file.parent, found)
    except toml.TomlError as error:
        raise SettingsError(error.reason, file=file, line=error.line) from None
    except Fault as fault:
        line = toml.line_of(text, fault.path)
        raise SettingsError(fault.reason, file=file, line=line) from None


def located(file: Path | None, path: KeyPath, reason: str) -> SettingsError:
    """Return the error for an invalid key of the file, with the key's line."""
    return placed(file, SettingsError(bad_key(path, reason).reason, path=path))


def placed(file: Path | None, error: SettingsError) -> SettingsError:
    """Return an error that knows its key's path, with the file and the line where the key is."""
    if file is None or not error.path:
        return error
    try:
        line = toml.line_of(file.read_text(_ENCODING), error.path)
    except (OSError, UnicodeDecodeError):  # it was removed meanwhile
        line = None
    return SettingsError(error.reason, file=file, line=line)


def _read(
    document: Mapping[str, Any],
    environ: Mapping[str, str],
    folder: Path,
    found: tuple[ProviderSettings, ...],
) -> FileSettings:
    for name in document:
        if name not in _KNOWN:
            raise bad_key((name,), "is not a setting" + did_you_mean(name, _KNOWN))
    providers = found
    if "providers" in document:
        providers = read_providers(document["providers"], environ, folder)
    return FileSettings(
        providers=providers,
        models=read_models(document.get("models", {}), providers, folder),
        issuers=read_issuers(document.get("auth", {}), folder),
        tables={
            name: read_table(document.get(name, {}), keys, (name,))
            for name, keys in _TABLES.items()
        },
    )
