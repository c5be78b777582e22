"""Anthropic's Messages format."""

from app.providers.anthropic.format import MessagesFormat

__all__ = ["MessagesFormat"]
