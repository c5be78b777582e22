"""Binds plain reasoning to the model that produced it: no other model gets it back (U16).

Reasoning with an opaque payload is bound by that payload. Other reasoning gets a payload when it is
stored, which holds only the model's name; formats never see it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple, TypeGuard

from app.domain.items import Item, Reasoning
from app.domain.request import INCLUDE_ENCRYPTED
from app.domain.response import Response
from app.services.answering.run import with_changed_items, without_payload
from app.services.answering.sealing import Unsealed, sealed_payload

#: A JSON object, since releases that do not know this mark look for their own keys in it.
_START = '{"plain_of": '


def marked(response: Response, model: str, seal: Callable[[str], str]) -> Response:
    """Return the response as it is stored: its plain reasoning marked with this model's name."""
    if Reasoning not in map(type, response.output) or not any(map(_is_plain, response.output)):
        return response
    payload = seal(f"{_START}{json.dumps(model)}}}")
    output = tuple(
        replace(item, encrypted_content=payload) if _is_plain(item) else item
        for item in response.output
    )
    return replace(response, output=output)


def visible_response(response: Response, include: frozenset[str]) -> Response:
    """Return a stored response as a caller sees it who included these fields."""
    return with_changed_items(response, visible_item(include))


def visible_item(include: frozenset[str]) -> Callable[[Item], Item]:
    """Return the function that turns a stored item into what such a caller sees, without marks."""
    return _without_mark if INCLUDE_ENCRYPTED in include else without_payload


def _without_mark(item: Item) -> Item:
    return replace(item, encrypted_content=None) if _is_marked(item) else item


def _is_marked(item: Item) -> TypeGuard[Reasoning]:
    if not isinstance(item, Reasoning) or item.encrypted_content is None:
        return False
    return sealed_payload(item.encrypted_content).startswith(_START.encode())


def _is_plain(item: Item) -> TypeGuard[Reasoning]:
    return isinstance(item, Reasoning) and item.encrypted_content is None


class Opened(NamedTuple):
    """The payload of reasoning as its format takes it; None for plain reasoning, which has none."""

    text: str | None


def opened_for(model: str, key: str | None, unsealed: Unsealed) -> Opened | None:
    """Return the payload if it is for this model and this key of the provider, else None.

    Plain reasoning comes back plain, with any key, but only for the model that produced it.
    """
    payload = unsealed.payload
    if not payload.startswith(_START):
        return Opened(payload) if unsealed.key == key else None
    return Opened(None) if json.loads(payload)["plain_of"] == model else None
