"""Build providers from settings, and query them for the operator's commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import requests

from app.providers.anthropic import MessagesFormat
from app.providers.base import Provider
from app.providers.http import HTTPProvider, WireFormat
from app.providers.keys.pooled import PooledProvider
from app.providers.local import LocalProvider
from app.providers.openai_chat import ChatFormat
from app.providers.openai_responses import ResponsesFormat
from app.providers.profiles import profile_of
from app.providers.transport import Transport
from app.settings import Api, KeySettings, ProviderSettings, SettingsError

#: The wire formats, by their `api` names in gateway.toml.
FORMATS: Mapping[Api, WireFormat] = {
    "responses": ResponsesFormat(),
    "chat_completions": ChatFormat(),
    "anthropic_messages": MessagesFormat(),
}


@dataclass(frozen=True, slots=True)
class Survey:
    """The models that a provider lists, and the kind of its server.

    `profile` names the profile in use, None for a local provider; `detected` names the profile
    that its answers point to, None if they point to none.
    """

    models: tuple[str, ...]
    profile: str | None = None
    detected: str | None = None


def survey(settings: ProviderSettings) -> Survey:
    """Ask a provider for its models, and detect the kind of its server.

    Raises:
        UpstreamUnavailable, UpstreamTimeout, UpstreamMisbehaved: as Provider.models does.
    """
    provider = build(settings)
    models = provider.models()
    if not isinstance(provider, HTTPProvider):
        return Survey(models)
    return Survey(models, provider.profile.current.name, provider.profile.detected)


def models_address(settings: ProviderSettings) -> str:
    """Return the URL of a provider's model list, "" for a built-in provider."""
    provider = build(settings)
    return provider.models_address if isinstance(provider, HTTPProvider) else ""


def build(settings: ProviderSettings) -> Provider:
    """Return the provider that `settings` describe. Opens no connection.

    Raises:
        SettingsError: its URL, profile or quirks cannot be used.
    """
    if settings.api == "local":
        return LocalProvider(settings.name)
    if settings.keys:
        return PooledProvider({key.id: _over_http(member(settings, key)) for key in settings.keys})
    return _over_http(settings)


def member(settings: ProviderSettings, key: KeySettings) -> ProviderSettings:
    """Return a provider's settings as they apply when it is called with one of its keys."""
    base_url = key.base_url or settings.base_url
    proxy = key.proxy if key.base_url else settings.proxy
    return replace(settings, keys=(), api_key=key.api_key, base_url=base_url, proxy=proxy)


def _over_http(settings: ProviderSettings) -> HTTPProvider:
    profile = profile_of(settings)
    try:
        return HTTPProvider(Transport(settings), profile, FORMATS[settings.api])
    except requests.RequestException:
        # The exception's message may quote a header's value or a query: it is not repeated.
        why = "has a base_url or a header that HTTP cannot carry: does one begin with a space?"
        raise SettingsError(f"[providers.{settings.name}] {why}") from None
    except ValueError as error:
        raise SettingsError(f"[providers.{settings.name}] {error}") from error
