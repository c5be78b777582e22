"""The built-in models, which need no network."""

from app.providers.local.provider import LocalProvider

__all__ = ["LocalProvider"]
