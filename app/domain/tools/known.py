"""Caches what is computed from tools that were sent before."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

from app.domain.tools.kinds import FunctionTool, Tool

T = TypeVar("T")

#: Maximum number of cached values for known tools: for formats, profiles, responses.
MOST_FORMS = 8


class KnownTools(tuple[FunctionTool, ...]):
    """Functions that were sent before, as one value; equal to a tuple of the same functions.

    `forms` has the cached values, each with the owner it was computed for.
    """

    forms: dict[tuple[Hashable, int], tuple[object, object]]

    def __new__(cls, tools: tuple[FunctionTool, ...]) -> KnownTools:
        made = super().__new__(cls, tools)
        made.forms = {}
        return made


def made_once(tools: tuple[Tool, ...], key: Hashable, owner: object, make: Callable[[], T]) -> T:
    """Return what `make` computes from the tools, cached under `key` if the tools are known.

    The result must depend only on the tools, the key and the owner, and must not be changed.
    """
    if type(tools) is not KnownTools:
        return make()
    place = key, id(owner)
    found = tools.forms.get(place)
    if found is not None:
        return found[1]  # type: ignore[return-value] # of the same key
    made = make()
    if len(tools.forms) < MOST_FORMS:
        tools.forms[place] = owner, made  # keeping the owner keeps its id from being reused
    return made
