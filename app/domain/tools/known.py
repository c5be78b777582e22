"""Tools that came before: what is made of them need not be made again."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

from app.domain.tools.kinds import FunctionTool, Tool

T = TypeVar("T")

#: What is made of known tools is kept for so many uses: formats, profiles, responses.
MOST_FORMS = 8


class KnownTools(tuple[FunctionTool, ...]):
    """Functions that came before, as one value; they are equal to a tuple of the same.

    `forms` has what was made of them, beside whom it was made for.
    """

    forms: dict[tuple[Hashable, int], tuple[object, object]]

    def __new__(cls, tools: tuple[FunctionTool, ...]) -> KnownTools:
        made = super().__new__(cls, tools)
        made.forms = {}
        return made


def made_once(tools: tuple[Tool, ...], key: Hashable, owner: object, make: Callable[[], T]) -> T:
    """Return what `make` makes of the tools: of known ones what it made under this key before.

    It may depend on the tools, the key and the owner alone, and nobody changes what it returns.
    """
    if type(tools) is not KnownTools:
        return make()
    place = key, id(owner)
    found = tools.forms.get(place)
    if found is not None:
        return found[1]  # type: ignore[return-value] # of the same key
    made = make()
    if len(tools.forms) < MOST_FORMS:
        tools.forms[place] = owner, made  # the owner too: while it lives nobody else has its id
    return made
