"""Providers made from settings."""

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

#: The wire formats, by what gateway.toml calls them.
FORMATS: Mapping[Api, WireFormat] = {
    "responses": ResponsesFormat(),
    "chat_completions": ChatFormat(),
    "anthropic_messages": MessagesFormat(),
}


@dataclass(frozen=True, slots=True)
class Survey:
    """What a provider says of itself: its models, and what its server is.

    `profile` is the name of the profile that is used, None for a local one; `detected` is that of
    what its answers say that it is, None where they do not.
    """

    models: tuple[str, ...]
    profile: str | None = None
    detected: str | None = None


def survey(settings: ProviderSettings) -> Survey:
    """Ask a provider what it serves, and what it is.

    Raises:
        UpstreamUnavailable, UpstreamTimeout, UpstreamMisbehaved: as Provider.models does.
    """
    provider = build(settings)
    models = provider.models()
    if not isinstance(provider, HTTPProvider):
        return Survey(models)
    return Survey(models, provider.profile.current.name, provider.profile.detected)


def models_address(settings: ProviderSettings) -> str:
    """Return where a provider is asked for its models, "" for one that is built in."""
    provider = build(settings)
    return provider.models_address if isinstance(provider, HTTPProvider) else ""


def build(settings: ProviderSettings) -> Provider:
    """Return the provider that `settings` describe. Opens no connection.

    Raises:
        SettingsError: when its URL, profile or quirks cannot be used.
    """
    if settings.api == "local":
        return LocalProvider(settings.name)
    if settings.keys:
        return PooledProvider({key.id: _over_http(member(settings, key)) for key in settings.keys})
    return _over_http(settings)


def member(settings: ProviderSettings, key: KeySettings) -> ProviderSettings:
    """Return what is true of a provider when it is called by one of its keys."""
    base_url = key.base_url or settings.base_url
    proxy = key.proxy if key.base_url else settings.proxy
    return replace(settings, keys=(), api_key=key.api_key, base_url=base_url, proxy=proxy)


def _over_http(settings: ProviderSettings) -> HTTPProvider:
    profile = profile_of(settings)
    try:
        return HTTPProvider(Transport(settings), profile, FORMATS[settings.api])
    except requests.RequestException:
        # Its words repeat what it cannot send: a header's value, a query.
        why = "has a base_url or a header that HTTP cannot carry: does one begin with a space?"
        raise SettingsError(f"[providers.{settings.name}] {why}") from None
    except ValueError as error:
        raise SettingsError(f"[providers.{settings.name}] {error}") from error
