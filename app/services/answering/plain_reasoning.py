"""Where plain reasoning is from: what a model thought goes back to it, and to no other (U16).

Reasoning that came with an opaque payload is bound by that. Other reasoning gets one when it is
stored, which holds no more than the model's name; formats never see it.
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

#: An object, since releases that know no such mark look for the keys of theirs.
_START = '{"plain_of": '


def marked(response: Response, model: str, seal: Callable[[str], str]) -> Response:
    """Return the response as it is stored: plain reasoning says that it is this model's."""
    if Reasoning not in map(type, response.output) or not any(map(_is_plain, response.output)):
        return response
    payload = seal(f"{_START}{json.dumps(model)}}}")
    output = tuple(
        replace(item, encrypted_content=payload) if _is_plain(item) else item
        for item in response.output
    )
    return replace(response, output=output)


def visible_response(response: Response, include: frozenset[str]) -> Response:
    """Return a stored response as a caller is shown it who wants these fields."""
    return with_changed_items(response, visible_item(include))


def visible_item(include: frozenset[str]) -> Callable[[Item], Item]:
    """Return what makes of a stored item what such a caller is shown: never a mark."""
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
    """Return a payload open, for this model and key of the provider that gave it.

    Plain reasoning is plain again, by whichever key; None is another model's, or another key's.
    """
    payload = unsealed.payload
    if not payload.startswith(_START):
        return Opened(payload) if unsealed.key == key else None
    return Opened(None) if json.loads(payload)["plain_of"] == model else None
