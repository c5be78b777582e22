"""OpenAI's Responses format."""

from app.providers.openai_responses.provider import OpenAIResponsesProvider

__all__ = ["OpenAIResponsesProvider"]
