"""The model that is always there and needs no network."""

from app.providers.local.provider import LocalProvider

__all__ = ["LocalProvider"]
