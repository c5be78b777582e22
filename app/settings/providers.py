"""The `[providers]` of gateway.toml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.settings import readers
from app.settings.keys import WHEREABOUTS, CredentialLookup, read_key, read_pool
from app.settings.pass_through import HOSTED_TOOLS, forwarded_fields
from app.settings.tables import KeyPath, as_table, bad_key, bad_table, certificates, read_table
from app.settings.values import LOCAL, KeySettings, ProviderSettings

_APIS = ("responses", "chat_completions", "anthropic_messages", "local")
_READERS: Mapping[str, readers.Reader] = {
    "api": readers.one_of(*_APIS),
    "base_url": readers.base_url,
    **WHEREABOUTS,
    "api_key_refresh_s": readers.seconds,
    "keys": readers.anything,
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
    "forward": forwarded_fields,
    "hosted_tools": readers.some_of(*HOSTED_TOOLS),
    "reasoning_text": readers.flag,
}
#: Settings that only one format has.
_OF_A_FORMAT = {
    "prompt_cache": "anthropic_messages",
    **dict.fromkeys(("forward", "hosted_tools", "reasoning_text"), "responses"),
}
_OF_LOCAL = {"api", "models"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def read_providers(
    raw: object, environ: Mapping[str, str], folder: Path
) -> tuple[ProviderSettings, ...]:
    """Return the providers in file order, `local` last unless the file defines it.

    Variables are looked up in `environ`; paths are relative to `folder`.

    Raises:
        Fault: one of them is invalid.
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
        values["discover"] = True  # its list is requested, which costs nothing
    place = CredentialLookup(environ, folder)
    if "keys" in values:
        values["keys"] = _pool(values, (*path, "keys"), place)
    if values["api"] != "local" and "base_url" not in values:
        raise bad_table(path, "needs a base_url")
    for key, api in _OF_A_FORMAT.items():
        if key in values and values["api"] != api:
            raise bad_key((*path, key), f"is a setting of api {api} only")
    if "ca_file" in values:
        values["ca_file"] = certificates(values["ca_file"], (*path, "ca_file"), folder)
    values["api_key"], values["api_key_source"] = read_key(values, path, place)
    return ProviderSettings(name=name, **values)


def _pool(
    values: dict[str, Any], path: KeyPath, place: CredentialLookup
) -> tuple[KeySettings, ...]:
    """Return the pool; if every key has an address, the first one is also the provider's."""
    for name in WHEREABOUTS.keys() & values.keys():
        raise bad_key(path, f"cannot stand beside {name}: that key is one of the pool, too")
    keys = read_pool(values["keys"], path, place)
    if all(key.base_url for key in keys):
        values.setdefault("base_url", keys[0].base_url)
    return keys
