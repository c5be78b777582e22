"""Options of how an answer is made, and items that change them inside a conversation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal


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
    """How the upstream shall cache the prompt (U23). A `ttl` of None leaves the time to it.

    `explicit`: only up to breakpoints in the input; `implicit`: wherever it is useful, too.
    """

    mode: str = "implicit"
    ttl: str | None = None


#: The options if the caller sets none for text.
PLAIN_TEXT = TextOptions()


@dataclass(frozen=True, slots=True)
class UnseenItem:
    """An item that changes the request from here on, and that no model sees (G3)."""

    id: str


@dataclass(frozen=True, slots=True)
class ConfigurationUpdate(UnseenItem):
    """Options for answers from here on, replacing the request's, until the next such item.

    None leaves an option unchanged.
    """

    type: ClassVar[str] = "configuration_update"
    prefix: ClassVar[str] = "cfg"
    effort: str | None = None
    text_format: TextFormat | None = None
