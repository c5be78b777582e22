"""OpenAI's Responses format."""

from app.providers.openai_responses.format import ResponsesFormat

__all__ = ["ResponsesFormat"]
