"""How an answer shall be made, and what changes that inside a conversation."""

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
    """How the upstream is to cache the prompt (U23); `ttl` None leaves how long to it.

    `explicit` is up to breakpoints of the input only, `implicit` where it is useful, too.
    """

    mode: str = "implicit"
    ttl: str | None = None


#: What holds where the caller sets nothing about the text.
PLAIN_TEXT = TextOptions()


@dataclass(frozen=True, slots=True)
class UnseenItem:
    """An item that changes what is asked from here on, and that no model sees (G3)."""

    id: str


@dataclass(frozen=True, slots=True)
class ConfigurationUpdate(UnseenItem):
    """What holds for answers from here on, in place of what the request says, until the next one.

    None leaves as it is what held before.
    """

    type: ClassVar[str] = "configuration_update"
    prefix: ClassVar[str] = "cfg"
    effort: str | None = None
    text_format: TextFormat | None = None
