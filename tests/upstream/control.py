"""How tests drive the upstream: paths that begin with an underscore.

POST /_control      {"model": "*", "scripts": [{…}], "models": […]}: arm the next requests, one
                    script each; say which models are listed, and who owns them
POST /_release      {"tag": "t", "steps": 1}: let stalled requests go on; without steps for good
POST /_reset        forget and release everything
GET  /_requests     ?tag=t: what was sent, with headers and bodies
GET  /_connections  the counters, and what was aborted how many seconds ago
GET  /_wait         ?tag=t&state=aborted&count=1&timeout_s=10: answers when it has come, else 408
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import parse_qs

import orjson

from tests.upstream.bed import ALL, ANY, Bed, State, Waiter

Tell = Callable[[int, Any], None]


def handle(bed: Bed, path: str, query: str, body: bytes, tell: Tell) -> None:
    """Do what a control request asks, and tell its status and value: now, or when it comes."""
    options = {name: values[-1] for name, values in parse_qs(query).items()}
    given = orjson.loads(body) if body else {}
    match path:
        case "/_wait":
            _wait(bed, options, tell)
        case "/_requests":
            tell(200, bed.records(options.get("tag")))
        case "/_connections":
            tell(200, bed.figures())
        case "/_control":
            bed.models = given.get("models", bed.models)
            bed.owner = given.get("owner", bed.owner)
            scripts = [orjson.dumps(script).decode() for script in given.get("scripts", ())]
            bed.arm(given.get("model", ANY), scripts)
            tell(200, {})
        case "/_release":
            bed.release(given.get("tag", ""), given.get("steps", ALL))
            tell(200, {})
        case "/_reset":
            bed.reset()
            tell(200, {})
        case _:
            tell(404, {"error": f"no {path} here"})


def _wait(bed: Bed, options: dict[str, str], tell: Tell) -> None:
    state = cast(State, options["state"])
    is_met = False

    def met() -> None:
        nonlocal is_met
        is_met = True
        timer.cancel()
        tell(200, bed.records(waiter.tag))

    def gave_up() -> None:
        if not is_met:
            bed.forget(waiter)
            tell(408, bed.records(waiter.tag))

    waiter = Waiter(options.get("tag", ""), state, int(options.get("count", "1")), met)
    timer = asyncio.get_running_loop().call_later(float(options.get("timeout_s", "10")), gave_up)
    if bed.is_met(waiter):
        met()
    else:
        bed.wait(waiter)
