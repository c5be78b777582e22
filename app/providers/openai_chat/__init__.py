"""OpenAI's Chat Completions format."""

from app.providers.openai_chat.format import ChatFormat

__all__ = ["ChatFormat"]
