"""The cases of Open Responses' compliance suite, by the schemas that it publishes.

The suite itself is a program for Bun in the specification's repository, and no package: what it
requires is done again here, case by case under its names, and the words of the requests are ours.
"""

from __future__ import annotations

import over_http
import over_websocket
from task import run

_PARTS = (
    over_http.cases,
    over_websocket.cases,
    over_http.earlier_cases,
    over_websocket.earlier_cases,
)


def converse(model: str) -> list[str]:
    """Return the cases that are as they should be; the next one is not, and says why."""
    passed: list[str] = []
    try:
        for part in _PARTS:
            passed += part(model)
    except Exception as error:
        raise ValueError(f"after {passed}: {error}") from error
    return passed


run(converse)
