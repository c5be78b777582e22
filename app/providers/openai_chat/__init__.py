"""OpenAI's Chat Completions format."""

from app.providers.openai_chat.provider import OpenAIChatProvider

__all__ = ["OpenAIChatProvider"]
