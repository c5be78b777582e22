"""Providers that do what a test tells them, and a clock that only moves when told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy

from app.domain.hosted.policy import NOTHING_PASSES
from app.domain.models import NOTHING_KNOWN, Honoured, ModelFacts
from app.domain.request import ModelRequest, Parameters
from app.domain.stream.deltas import Batch, Finished, Text
from app.domain.upstream_call import UpstreamCall
from app.errors import CallerGone

SILENCE: Batch = ()
HELLO: Batch = (Text("Hello"),)
THE_END: Batch = (Finished(),)

#: What one attempt does, in order: bring a batch, fail, or something on the side.
Step = Batch | Exception | Callable[[], None]


class ScriptedProvider:
    """Plays one script an attempt, the last one for ever; `left` counts attempts that ended."""

    reads_compactions = False

    def __init__(self, name: str, *scripts: Sequence[Step]) -> None:
        self.name = name
        self.policy = NOTHING_PASSES
        self.requests: list[ModelRequest] = []
        self.calls: list[UpstreamCall] = []
        self.deadlines: list[float] = []
        self.left = 0
        self.knows: frozenset[str] = frozenset()
        self.facts: dict[str, ModelFacts] = {}
        self._answers: list[Iterator[Batch]] = []  # kept, so that none ends by being forgotten
        self._scripts = list(scripts) or [(HELLO, THE_END)]

    def known_tools(self, model: str) -> frozenset[str]:
        return self.knows

    def ignored(self, request: ModelRequest) -> tuple[str, ...]:
        return ("seed",) if request.parameters.seed is not None else ()

    def count_input(self, request: ModelRequest, call: UpstreamCall) -> int | None:
        return None

    def describe(self, model: str) -> tuple[ModelFacts, Honoured]:
        return self.facts.get(model, NOTHING_KNOWN), Honoured()

    def models(self) -> tuple[str, ...]:
        return ()

    def answer(self, request: ModelRequest, call: UpstreamCall) -> Iterator[Batch]:
        answer = self._play(request, call)
        self._answers.append(answer)
        return answer

    def _play(self, request: ModelRequest, call: UpstreamCall) -> Iterator[Batch]:
        self.requests.append(request)
        self.calls.append(call)
        self.deadlines.append(call.deadline)
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        try:
            for step in script:
                if isinstance(step, Exception):
                    raise copy(step)  # whoever catches an error may write on it
                if callable(step):
                    step()
                else:
                    yield step
                if call.cancelled:
                    raise CallerGone("The caller hung up.")
        finally:
            self.left += 1


class Clock:
    """A monotonic clock; `pause` moves it on and remembers how far."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def pause(self, call: UpstreamCall, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def later(self, seconds: float) -> Callable[[], None]:
        """Return a step of a script that takes so long."""

        def pass_time() -> None:
            self.now += seconds

        return pass_time


def asking(model: str, *, stream: bool = True, seed: int | None = None) -> ModelRequest:
    """Return a request of a model."""
    return ModelRequest(model=model, items=(), parameters=Parameters(seed=seed), stream=stream)
