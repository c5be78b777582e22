"""Providers for a gateway whose file names none: from the environment and local servers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import urlsplit

from app.logs.redaction import OWN_KEYS
from app.settings import readers
from app.settings.errors import SettingsError
from app.settings.keys import key_of_variable
from app.settings.values import LOCAL, KeySource, ProviderSettings
from app.settings.variables.secret_files import read_secret

_OPENAI = "https://api.openai.com/v1"
_ANTHROPIC = "https://api.anthropic.com/v1"
_OPENAI_MODELS = ("gpt-*", "chatgpt-*", "codex-*", "o[0-9]*")
_ANTHROPIC_MODELS = ("claude-*",)
_VERSION = re.compile(r"[A-Za-z0-9.-]{1,64}")
_LOOPBACK = {"127.0.0.1", "localhost", "::1", "0.0.0.0"}  # noqa: S104 - compared, not bound

#: Local model servers on their usual ports. Whether they run is checked when they are needed.
MODEL_SERVERS = (
    ProviderSettings(
        name="ollama",
        api="chat_completions",
        base_url="http://127.0.0.1:11434/v1",
        profile="ollama",
        discover=True,
    ),
    ProviderSettings(
        name="llamacpp",
        api="chat_completions",
        base_url="http://127.0.0.1:8080/v1",
        profile="llamacpp",
        discover=True,
    ),
)


def found_providers(environ: Mapping[str, str], bind: str) -> tuple[ProviderSettings, ...]:
    """Return the vendors whose keys are in `environ`, the local model servers, and `local`.

    `bind` is where this gateway listens: variables that point to it are its callers', not a
    vendor's; and a gateway's own keys are ignored, since no vendor shall see them.

    Raises:
        SettingsError: an address in a variable is invalid, or a key's variable has no key.
    """
    vendors = [each for each in _vendors(environ) if not _is_own(each.base_url, bind)]
    return (*vendors, *MODEL_SERVERS, LOCAL)


def _vendors(environ: Mapping[str, str]) -> Iterator[ProviderSettings]:
    if key := _key(environ, "OPENAI_API_KEY"):
        yield key.to(_openai(_url(environ, "OPENAI_BASE_URL") or _OPENAI))
    if key := _key(environ, "ANTHROPIC_API_KEY"):
        yield key.to(_anthropic(_url(environ, "ANTHROPIC_BASE_URL") or _ANTHROPIC))
    if key := _key(environ, "AZURE_OPENAI_API_KEY"):
        endpoint = _url(environ, "AZURE_OPENAI_ENDPOINT")
        if endpoint is not None:
            yield key.to(_azure(endpoint, _azure_version(environ)))


class _FoundKey(NamedTuple):
    api_key: str
    source: KeySource | None

    def to(self, provider: ProviderSettings) -> ProviderSettings:
        """Return the provider with this key."""
        return replace(provider, api_key=self.api_key, api_key_source=self.source)


def _key(environ: Mapping[str, str], variable: str) -> _FoundKey | None:
    key, source = key_of_variable(variable, environ)
    if key is None and read_secret(environ, variable).strip():
        raise SettingsError(f"{variable} holds no key: a key is printable ASCII without spaces")
    return _FoundKey(key, source) if key and not key.startswith(OWN_KEYS) else None


def _url(environ: Mapping[str, str], variable: str) -> str | None:
    text = environ.get(variable, "").strip()
    try:
        return readers.base_url(text) if text else None
    except ValueError as error:
        raise SettingsError(f"{variable} {error}") from None


def _openai(base_url: str) -> ProviderSettings:
    """Return OpenAI; a server elsewhere is assumed to speak Chat Completions, as all of them do."""
    elsewhere = urlsplit(base_url).hostname != urlsplit(_OPENAI).hostname
    return ProviderSettings(
        name="openai",
        api="chat_completions" if elsewhere else "responses",
        base_url=base_url,
        models=_OPENAI_MODELS,
        discover=elsewhere,
    )


def _anthropic(url: str) -> ProviderSettings:
    """Return Anthropic or a compatible server: Anthropic's clients append /v1 to the address."""
    base = url.rstrip("/")
    return ProviderSettings(
        name="anthropic",
        api="anthropic_messages",
        base_url=base if base.endswith("/v1") else f"{base}/v1",
        models=_ANTHROPIC_MODELS,
    )


def _azure(endpoint: str, version: str) -> ProviderSettings:
    """Return an Azure resource: deployments are known by the names that they have there.

    An endpoint is a resource's address, as Azure's clients take it; one that contains /openai is
    used as it is. The v1 API needs no version, and accepts no dated one (learn.microsoft.com,
    "Azure OpenAI v1 API").
    """
    base = endpoint.rstrip("/")
    if "/openai" not in urlsplit(base).path:
        base += "/openai/v1"
    is_v1 = urlsplit(base).path.endswith("/v1")
    wants_version = version and not urlsplit(base).query and not (is_v1 and version[0].isdigit())
    return ProviderSettings(
        name="azure",
        api="responses",
        base_url=f"{base}?api-version={version}" if wants_version else base,
        models=_OPENAI_MODELS,
    )


def _azure_version(environ: Mapping[str, str]) -> str:
    for variable in ("AZURE_OPENAI_API_VERSION", "OPENAI_API_VERSION"):
        version = environ.get(variable, "").strip()
        if version and not _VERSION.fullmatch(version):
            raise SettingsError(f"{variable} must be a version such as 2025-04-01-preview")
        if version:
            return version
    return ""


def _is_own(base_url: str, bind: str) -> bool:
    url = urlsplit(base_url)
    port = str(url.port or (443 if url.scheme == "https" else 80))
    return url.hostname in _LOOPBACK and port == bind.rpartition(":")[2]
