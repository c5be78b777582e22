"""Anthropic's Messages format."""

from app.providers.anthropic.provider import AnthropicProvider

__all__ = ["AnthropicProvider"]
