"""How an answer shall be made: its reasoning and its text; and how its prompt is cached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class ReasoningOptions:
    effort: str | None = None
    summary: str | None = None


@dataclass(frozen=True, slots=True)
class JsonSchemaFormat:
    name: str
    schema: dict[str, Any]
    description: str | None = None
    strict: bool | None = None


TextFormat = Literal["text", "json_object"] | JsonSchemaFormat


@dataclass(frozen=True, slots=True)
class TextOptions:
    format: TextFormat = "text"
    verbosity: str | None = None


@dataclass(frozen=True, slots=True)
class CacheOptions:
    """How the upstream is to cache the prompt (U23); `ttl` None leaves how long to it.

    `explicit` is up to breakpoints of the input only, `implicit` where it is useful, too.
    """

    mode: str = "implicit"
    ttl: str | None = None


#: What holds where the caller sets nothing about the text.
PLAIN_TEXT = TextOptions()
