"""Providers made from settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import requests

from app.providers.anthropic import AnthropicProvider
from app.providers.base import Provider
from app.providers.learning import LearnedProfile
from app.providers.local import LocalProvider
from app.providers.openai_chat import OpenAIChatProvider
from app.providers.openai_responses import OpenAIResponsesProvider
from app.providers.profiles import Profile, profile_of
from app.providers.transport import Transport
from app.settings import Api, ProviderSettings, SettingsError

_PROVIDERS: dict[Api, Callable[[ProviderSettings, Transport, Profile], Provider]] = {
    "responses": OpenAIResponsesProvider,
    "chat_completions": OpenAIChatProvider,
    "anthropic_messages": AnthropicProvider,
}


@dataclass(frozen=True, slots=True)
class Survey:
    """What a provider says of itself: its models, and what its server is; None where untold.

    `profile` is the name of the profile that is used; None for a local one.
    """

    models: tuple[str, ...]
    profile: str | None = None
    told: str | None = None


def survey(settings: ProviderSettings) -> Survey:
    """Ask a provider what it serves, and what it is.

    Raises:
        UpstreamUnavailable, UpstreamTimeout, UpstreamMisbehaved: as Provider.models does.
    """
    provider = build(settings)
    models = provider.models()
    if isinstance(provider, LocalProvider):
        return Survey(models)
    profile: LearnedProfile = provider.profile  # type: ignore[attr-defined]  # all others have one
    return Survey(models, profile.current.name, profile.told)


def build(settings: ProviderSettings) -> Provider:
    """Return the provider that `settings` describe. Opens no connection.

    Raises:
        SettingsError: when its URL, profile or quirks cannot be used.
    """
    if settings.api == "local":
        return LocalProvider(settings.name)
    profile = profile_of(settings)
    try:
        return _PROVIDERS[settings.api](settings, Transport(settings), profile)
    except requests.RequestException:
        # Its words repeat what it cannot send: a header's value, a query.
        why = "has a base_url or a header that HTTP cannot carry: does one begin with a space?"
        raise SettingsError(f"[providers.{settings.name}] {why}") from None
    except ValueError as error:
        raise SettingsError(f"[providers.{settings.name}] {error}") from error
