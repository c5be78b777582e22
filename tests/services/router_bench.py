"""A router over two scripted providers, and the ways to leave an answer."""

from __future__ import annotations

import math

from app.domain.request import ModelRequest
from app.domain.upstream_call import UpstreamCall
from app.errors import UpstreamUnavailable
from app.services.upstreams.breakers import Breakers
from app.services.upstreams.catalog import Target
from app.services.upstreams.retries import RetryPolicy
from app.services.upstreams.router import PATIENCE_S, Router, UpstreamAnswer
from app.settings import ProviderSettings
from tests.services.scripted import HELLO, THE_END, Clock, ScriptedProvider, Step, asking

ANSWER: tuple[Step, ...] = (HELLO, THE_END)


class Bench:
    """The providers `a` and `b` take one call at once each; requests are streamed."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.breakers = Breakers(["a", "b"], self.clock)
        self.call = UpstreamCall(deadline=math.inf)
        self.a = ScriptedProvider("a")
        self.b = ScriptedProvider("b")
        self.jitter = 0.0
        self.stream = True
        self.seed: int | None = None
        self.router = Router(
            [
                ProviderSettings(name="a", api="local", max_concurrency=1, deadline_s=600),
                ProviderSettings(name="b", api="local", max_concurrency=1),
            ],
            self.breakers,
            RetryPolicy(self.clock, lambda: self.jitter, self.clock.pause),
            self.clock,
        )

    def open(self, patience_s: float = PATIENCE_S) -> UpstreamAnswer:
        """Open an answer of `a`, or else of `b`."""
        targets = (Target("model", self.a, "model-a"), Target("spare", self.b, "model-b"))
        return self.router.open(targets, self.request_for, self.call, patience_s)

    def open_a(self, patience_s: float = PATIENCE_S) -> UpstreamAnswer:
        """Open an answer of `a`."""
        targets = (Target("model", self.a, "model-a"),)
        return self.router.open(targets, self.request_for, self.call, patience_s)

    def request_for(self, target: Target) -> ModelRequest:
        return asking(target.upstream_model, stream=self.stream, seed=self.seed)

    def slots_are_free(self) -> bool:
        """Tell whether another call of each provider would find a slot."""
        a, b = ScriptedProvider("a"), ScriptedProvider("b")
        for provider in (a, b):
            call = UpstreamCall(deadline=math.inf)
            targets = (Target("m", provider, "m"),)
            try:
                opened = self.router.open(targets, self.request_for, call, patience_s=0)
            except UpstreamUnavailable:
                return False
            assert list(opened.batches) == [HELLO, THE_END]
        return True


def drop(opened: UpstreamAnswer) -> None:
    opened.batches.close()  # type: ignore[attr-defined]  # a generator, as Run expects


def begin_and_drop(opened: UpstreamAnswer) -> None:
    next(opened.batches)
    drop(opened)


def exhaust(opened: UpstreamAnswer) -> None:
    list(opened.batches)
