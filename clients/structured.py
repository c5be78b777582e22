"""A question that is answered by a form: what the model does, and what the upstream must see.

The form is a function that the model must call. It calls it without all that has to be there, is
told so by the package, and calls it again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from clients.catalog import Client
from clients.site import Format
from tests.upstream.script import Call, Script

Json = dict[str, Any]

QUESTIONS = ("How warm is it in Paris?",)
ANSWERS = ("Paris has 21 degrees",)
RESULT = "{city} has 21 degrees"

_FORM = "Report"
_FORMS: tuple[Json, ...] = ({"city": "Paris"}, {"city": "Paris", "degrees": 21})


def scripts(format_: Format, _client: Client, _mode: str) -> tuple[Script, ...]:
    """Return what the model does, request by request."""
    return tuple(
        Script(
            reasoning="I fill the form.",
            calls=(Call(name=_FORM, arguments=json.dumps(form), id=call_id),),
        )
        for form, call_id in zip(_FORMS, format_.call_ids, strict=False)
    )


def faults(
    _format: Format, bodies: Sequence[Json], _client: Client, _mode: str, *, reasoning: bool
) -> Iterator[str]:
    """Yield what is wrong with what the upstream was sent."""
    del reasoning  # what becomes of it is another story's
    if len(bodies) != len(_FORMS):
        yield f"the upstream was asked {len(bodies)} times, not {len(_FORMS)}"
        return
    for number, body in enumerate(bodies, 1):
        text = json.dumps(body)
        for wanted in (QUESTIONS[0], f'"{_FORM}"'):
            if wanted not in text:
                yield f"request {number} lacks {wanted}"
    if "Field required" not in json.dumps(bodies[-1]):
        yield "the last request does not say what is missing"
