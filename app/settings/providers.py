"""The `[providers]` of gateway.toml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.logs.redaction import looks_like_credential, name_or_hidden
from app.settings import readers
from app.settings.tables import (
    KeyPath,
    as_table,
    bad_key,
    bad_table,
    certificates,
    read_table,
    readable,
)
from app.settings.values import LOCAL, ProviderSettings

_APIS = ("responses", "chat_completions", "anthropic_messages", "local")
_READERS: Mapping[str, readers.Reader] = {
    "api": readers.one_of(*_APIS),
    "base_url": readers.http_url,
    "api_key_env": readers.text,
    "api_key_file": readers.text,
    "models": readers.texts,
    "discover": readers.flag,
    "timeout_s": readers.seconds,
    "connect_timeout_s": readers.seconds,
    "deadline_s": readers.seconds,
    "max_concurrency": readers.whole(1),
    "keep_alive": readers.flag,
    "headers": readers.http_headers,
    "proxy": readers.proxy_url,
    "ca_file": readers.text,
    "profile": readers.text,
    "quirks": readers.quirks,
    "prompt_cache": readers.one_of("auto", "off"),
}
_OF_LOCAL = {"api", "models"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def read_providers(
    raw: object, environ: Mapping[str, str], folder: Path
) -> tuple[ProviderSettings, ...]:
    """Return the providers in file order, `local` last unless the file has its own.

    Variables are looked up in `environ`; paths are relative to `folder`.

    Raises:
        Fault: one of them cannot be used.
    """
    providers: dict[str, ProviderSettings] = {}
    for name, table in as_table(raw, ("providers",)).items():
        path = ("providers", name)
        if not _NAME.fullmatch(name):
            raise bad_table(path, "must have a name of letters, digits, '.', '_' and '-'")
        if name.lower() in providers:
            raise bad_table(
                path, f"is defined twice: before as {providers[name.lower()].name} before"
            )
        providers[name.lower()] = _provider(name, table, path, environ, folder)
    providers.setdefault(LOCAL.name, LOCAL)
    return tuple(providers.values())


def _provider(
    name: str, table: object, path: KeyPath, environ: Mapping[str, str], folder: Path
) -> ProviderSettings:
    values = read_table(table, _READERS, path)
    if "api" not in values:
        raise bad_table(path, f"needs an api: one of {', '.join(_APIS)}")
    if values["api"] == "local":
        for key in sorted(values.keys() - _OF_LOCAL):
            raise bad_key((*path, key), "is not a setting of the local provider")
        values["discover"] = True  # it is asked for its list, which costs nothing
    elif "base_url" not in values:
        raise bad_table(path, "needs a base_url")
    if "prompt_cache" in values and values["api"] != "anthropic_messages":
        raise bad_key((*path, "prompt_cache"), "is a setting of api anthropic_messages only")
    if "ca_file" in values:
        values["ca_file"] = certificates(values["ca_file"], (*path, "ca_file"), folder)
    values["api_key"] = _api_key(values, path, environ, folder)
    return ProviderSettings(name=name, **values)


def _api_key(
    values: dict[str, Any], path: KeyPath, environ: Mapping[str, str], folder: Path
) -> str | None:
    """Take the key's whereabouts out of `values` and return the key."""
    variable, file = values.pop("api_key_env", None), values.pop("api_key_file", None)
    if variable is not None and file is not None:
        raise bad_table(path, "has both api_key_env and api_key_file")
    if variable is not None:
        if looks_like_credential(variable):
            raise bad_key((*path, "api_key_env"), "must be the name of a variable, not a key")
        if not (key := readers.credential(environ.get(variable, ""))):
            raise bad_key(
                (*path, "api_key_env"), f"names {name_or_hidden(variable)}, which holds no key"
            )
        return key
    if file is not None:
        path = (*path, "api_key_file")
        if not (
            key := readers.credential(readable(file, path, folder).read_text("utf-8", "replace"))
        ):
            raise bad_key(path, "names a file that holds no key")
        return key
    return None
