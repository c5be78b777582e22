"""Settings that are proved to be usable before any process is started with them."""

from __future__ import annotations

from app.providers.profiles import profile_of
from app.settings import Settings, SettingsError
from app.store import redis_url


def checked_settings() -> Settings:
    """Return the settings of the environment, judged by the rooms that will read them, too.

    Nothing heavy is imported for it: gunicorn's master asks, before its workers are patched.

    Raises:
        SettingsError: they cannot be used.
    """
    settings = Settings.from_env()
    try:
        redis_url.parse(settings.redis.url)
    except ValueError as error:
        raise SettingsError(str(error)) from None
    for provider in settings.providers:
        if provider.api != "local":
            profile_of(provider)
    return settings
