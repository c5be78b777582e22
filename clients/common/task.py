"""What a client is to do, and how it says what came of it. It runs in the client's environment."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """The last argument of the command line, read."""

    base_url: str
    api_key: str
    models: Sequence[str]
    mode: str
    way: str
    stream: bool
    questions: Sequence[str]
    result: str

    @property
    def is_stored(self) -> bool:
        """Whether the gateway is to keep what was said, and to be told no more than what is new."""
        return self.mode not in ("stateless", "replayed", "connected")

    @property
    def is_continued(self) -> bool:
        """Whether it is told what is new alone: it keeps the rest, or its connection does."""
        return self.is_stored or self.mode == "connected"

    @property
    def is_websocket(self) -> bool:
        """Whether answers are to come by a WebSocket."""
        return self.way.startswith("websocket")

    def get_weather(self, city: str) -> str:
        """Return what the tool of that name returns."""
        return self.result.format(city=city)


TASK = Task(**json.loads(sys.argv[-1]))


def run(converse: Callable[[str], Sequence[str]]) -> None:
    """Have the conversation with each model, and say what its questions were answered."""
    told: dict[str, object] = {}
    for model in TASK.models:
        try:
            told[model] = converse(model)
        except Exception as error:  # noqa: BLE001 - whatever the package raises is the result
            told[model] = f"{type(error).__name__}: {error}"
    sys.stdout.write(json.dumps(told) + "\n")


def run_async(converse: Callable[[str], Awaitable[Sequence[str]]]) -> None:
    """Do as `run` does, in an event loop of its own for each model."""

    async def conversed(model: str) -> Sequence[str]:
        return await converse(model)

    run(lambda model: asyncio.run(conversed(model)))
