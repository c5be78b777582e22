"""Calls of a provider that has several keys, or one that is read again: attempt by attempt."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from app.domain.request import ModelRequest
from app.domain.stream.deltas import Batch
from app.domain.upstream_call import UpstreamCall
from app.errors import (
    GatewayError,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from app.providers.keys.credentials import CredentialUnreadable
from app.services.upstreams.breakers import Breakers
from app.services.upstreams.catalog import Target
from app.services.upstreams.keys.credential import Credential, Renewable
from app.services.upstreams.keys.keyed_call import ProviderKeys
from app.services.upstreams.keys.pool import KeyPool
from app.services.upstreams.retries import RetryPolicy
from app.services.upstreams.retry_rounds import Parked
from app.services.upstreams.router import Router, UpstreamAnswer
from app.settings import KeySettings, KeySource, ProviderSettings
from tests.services.scripted import HELLO, SILENCE, THE_END, Clock, ScriptedProvider, Step, asking

LIMITED = UpstreamRateLimited("slow down")
LATER = UpstreamRateLimited("slow down", retry_after_s=7)
UNAUTHORIZED = UpstreamRefused("no", refusal=401)
UNPAID = UpstreamRefused("no", refusal=402)
FORBIDDEN = UpstreamRefused("no", refusal=403)
DOWN = UpstreamUnavailable("down")
ANSWER: Sequence[Step] = (HELLO, THE_END)


class KeyedProvider(ScriptedProvider):
    """Plays the script of the key that calls it; `keys` are those of its calls, in order."""

    def __init__(self, scripts: Mapping[str, Sequence[Step]]) -> None:
        super().__init__("acme")
        self.scripts: dict[str | None, Sequence[Step]] = {}
        self.scripts.update(scripts.items())
        self.keys: list[str | None] = []

    def answer(self, request: ModelRequest, call: UpstreamCall) -> Iterator[Batch]:
        self.keys.append(call.key)
        self._scripts = [self.scripts.get(call.key, ANSWER)]
        return super().answer(request, call)


class KeysBench:
    """A router over `acme`, which has the keys a, b, c and d, and over a spare provider."""

    def __init__(self, names: str = "abcd", **scripts: Sequence[Step]) -> None:
        self.clock = Clock()
        self.keys = [KeySettings(id=name) for name in names]
        self.pool = KeyPool("acme", self.keys, self.clock)
        self.credentials: dict[str | None, Credential] = {}
        self.acme = KeyedProvider(scripts)
        self.spare = ScriptedProvider("spare")
        self.breakers = Breakers(["acme", "spare"], self.clock)
        self.call = UpstreamCall(deadline=math.inf)
        self.preferred: str | None = None

    def router(self, pool: KeyPool | None = None) -> Router:
        return Router(
            [
                ProviderSettings(name="acme", api="local"),
                ProviderSettings(name="spare", api="local"),
            ],
            self.breakers,
            RetryPolicy(self.clock, lambda: 0.0, self.clock.pause),
            self.clock,
            {"acme": ProviderKeys(pool, self.credentials)},
        )

    def targets(self, *, spare: bool) -> tuple[Target, ...]:
        keys = frozenset(each.id for each in self.keys)
        acme = Target("model", self.acme, "model", keys=keys)
        return (acme, Target("spare", self.spare, "model")) if spare else (acme,)

    def open(self, *, spare: bool = False) -> UpstreamAnswer:
        return self.router(self.pool).open(self.targets(spare=spare), self.request_for, self.call)

    def open_in_time(self, until_s: float = 60.0) -> UpstreamAnswer:
        """Open an answer as a background job does."""
        return self.router(self.pool).open_in_time(
            self.targets(spare=False), self.request_for, self.call, self.clock() + until_s
        )

    def open_plain(self) -> UpstreamAnswer:
        """Open an answer of a provider without a pool."""
        return self.router().open(self.targets(spare=False), self.request_for, self.call)

    def request_for(self, target: Target) -> ModelRequest:
        return replace(asking("model"), key=target.key or self.preferred)

    def resting(self) -> str:
        return "".join(name for name, rests in self.pool.resting().items() if rests)


def drop(opened: UpstreamAnswer) -> None:
    opened.batches.close()  # type: ignore[attr-defined]  # a generator, as Run expects


@pytest.mark.parametrize(
    ("fault", "rests_s"), [(LIMITED, 30), (LATER, 7), (UNAUTHORIZED, 300), (UNPAID, 300)]
)
def test_the_next_key_is_tried_at_once_while_the_first_rests(
    fault: GatewayError, rests_s: int
) -> None:
    bench = KeysBench(a=[fault])
    opened = bench.open(spare=True)
    assert (bench.acme.keys, opened.attempts, bench.clock.pauses) == (["a", "b"], 2, [])
    assert (opened.target.key, opened.target.origin, bench.call.key) == ("b", "acme/b", "b")
    bench.clock.now += rests_s - 1
    assert bench.resting() == "a"
    bench.clock.now += 1
    assert bench.resting() == ""


@pytest.mark.parametrize(
    "fault",
    [
        UpstreamRateLimited("slow down", work_done=True),
        UpstreamRefused("no", refusal=401, work_done=True),
    ],
)
def test_a_whole_answer_that_failed_behind_words_is_bought_by_no_other_key(
    fault: GatewayError,
) -> None:
    bench = KeysBench(a=[fault])
    with pytest.raises(type(fault)) as failed:
        bench.open()
    assert (bench.acme.keys, failed.value.work_done) == (["a"], True)


def test_no_more_than_three_keys_are_tried_and_a_later_try_may_be_the_fourths() -> None:
    bench = KeysBench(a=[LATER], b=[LATER], c=[LATER])
    with pytest.raises(UpstreamRateLimited) as limited:
        bench.open()
    assert (bench.acme.keys, limited.value.retry_after_s) == (["a", "b", "c"], 1)
    assert bench.open().target.key == "d"


def test_refused_keys_are_no_lasting_failure_while_others_are_left() -> None:
    bench = KeysBench(a=[UNAUTHORIZED], b=[UNPAID], c=[UNAUTHORIZED])
    with pytest.raises(UpstreamUnavailable, match="other keys are left") as unavailable:
        bench.open()
    assert unavailable.value.retry_after_s == 1


def test_with_all_keys_resting_the_spare_answers_at_once() -> None:
    bench = KeysBench("ab", a=[LIMITED], b=[UNAUTHORIZED])
    for _ in range(2):
        opened = bench.open(spare=True)
        assert opened.provider == "spare"
        assert (bench.call.key, opened.target.key) == (None, None)
    assert (bench.acme.keys, bench.clock.pauses) == (["a", "b"], [])


def test_what_all_keys_resting_is_called_does_not_open_the_breaker() -> None:
    bench = KeysBench("a", a=[UNAUTHORIZED])
    for _ in range(50):
        with pytest.raises(GatewayError):
            bench.open()
    assert bench.acme.keys == ["a"]
    assert bench.breakers.states()["acme"] == "closed"


def test_a_rest_that_ends_soon_is_waited_for() -> None:
    bench = KeysBench("ab", a=[UNAUTHORIZED], b=[LATER])
    with pytest.raises(UpstreamRateLimited):
        bench.open()
    bench.acme.scripts = {}
    assert bench.open().target.key == "b"
    assert bench.clock.pauses == [7]


def test_a_forbidden_model_is_no_fault_of_the_key() -> None:
    bench = KeysBench(a=[FORBIDDEN])
    with pytest.raises(UpstreamRefused):
        bench.open()
    assert (bench.acme.keys, bench.resting()) == (["a"], "")


def test_a_transient_failure_is_repeated_by_another_key_after_a_pause() -> None:
    bench = KeysBench(a=[DOWN])
    assert bench.open().target.key == "b"
    assert (bench.clock.pauses, bench.resting()) == ([0.5], "")


def test_keys_and_faults_share_the_attempts() -> None:
    bench = KeysBench(a=[DOWN], b=[LIMITED], c=[DOWN])
    with pytest.raises(UpstreamUnavailable):
        bench.open()
    assert bench.acme.keys == ["a", "b", "c"]


def test_a_call_that_timed_out_is_not_sent_again_by_another_key() -> None:
    bench = KeysBench(a=[UpstreamTimeout("slow")])
    with pytest.raises(UpstreamTimeout):
        bench.open()
    assert bench.acme.keys == ["a"]


def test_an_answer_that_breaks_off_for_a_limit_rests_its_key() -> None:
    bench = KeysBench(a=[HELLO, LATER])
    opened = bench.open()
    with pytest.raises(UpstreamRateLimited) as limited:
        list(opened.batches)
    assert limited.value.work_done
    assert (bench.acme.keys, bench.resting()) == (["a"], "a")


def test_an_answer_that_breaks_off_for_a_refusal_stays_that() -> None:
    bench = KeysBench(a=[HELLO, UNAUTHORIZED])
    with pytest.raises(UpstreamRefused) as refused:
        list(bench.open().batches)
    assert refused.value.work_done
    assert bench.resting() == "a"


# Background


def test_a_background_job_goes_on_by_the_next_key_at_once() -> None:
    bench = KeysBench()
    takes_time = bench.clock.later(1)
    bench.acme.scripts |= {"a": [takes_time, LIMITED], "b": [takes_time, UNAUTHORIZED]}
    assert bench.open_in_time().target.key == "c"
    assert bench.clock.pauses == []


def test_a_background_job_waits_for_a_rest_in_the_store() -> None:
    bench = KeysBench("ab", a=[UNAUTHORIZED], b=[UNAUTHORIZED])
    with pytest.raises(UpstreamRefused):
        bench.open_in_time(800)
    with pytest.raises(Parked) as parked:
        bench.open_in_time(800)
    assert parked.value.after_s >= 300


# Room


@pytest.mark.parametrize("leave", [drop, lambda opened: list(opened.batches)], ids=["drop", "end"])
def test_however_an_answer_is_left_its_key_is_free_again(
    leave: Callable[[UpstreamAnswer], object],
) -> None:
    bench = KeysBench("a")
    bench.pool = KeyPool("acme", [KeySettings(id="a", max_concurrency=1)], bench.clock)
    opened = bench.open()
    with pytest.raises(UpstreamUnavailable, match="busy"):
        bench.router(bench.pool).open(
            bench.targets(spare=False), bench.request_for, UpstreamCall(deadline=math.inf), 0.0
        )
    leave(opened)
    assert bench.open().target.key == "a"


def test_failed_attempts_give_their_keys_back() -> None:
    bench = KeysBench("ab", a=[DOWN], b=[SILENCE, DOWN])
    keys = [KeySettings(id=name, max_concurrency=1) for name in "ab"]
    bench.pool = KeyPool("acme", keys, bench.clock)
    with pytest.raises(UpstreamUnavailable, match="down"):
        list(bench.open().batches)
    bench.acme.scripts = {}
    assert {bench.open().target.key, bench.open().target.key} == {"a", "b"}


# What came by a key


def test_the_key_of_what_was_thought_is_preferred() -> None:
    bench = KeysBench()
    bench.preferred = "c"
    for _ in range(3):
        drop(bench.open())
    assert bench.acme.keys == ["c"] * 3
    assert [each.key for each in bench.acme.requests] == ["c"] * 3


def test_another_key_gets_a_request_of_its_own() -> None:
    bench = KeysBench(c=[LIMITED])
    bench.preferred = "c"
    bench.open()
    assert [each.key for each in bench.acme.requests] == ["c", "a"]


def test_a_request_that_no_key_is_preferred_for_is_written_once() -> None:
    bench = KeysBench(a=[LIMITED])
    bench.open()
    assert [each.key for each in bench.acme.requests] == [None, None]


# One key that is read again


def renewed(bench: KeysBench, key: str | None, prints: Callable[[], str]) -> Credential:
    """Have a key of the bench be read again; return it."""
    credential = Credential(
        Renewable(
            provider="acme",
            key=key,
            source=KeySource(command=("vault",)),
            refresh_s=300,
            api_key="old",
            read_at=bench.clock(),
            use=lambda _key: bench.acme.scripts.update({key: ANSWER}),
        ),
        bench.clock,
        read=lambda _source: prints(),
        spawn=lambda task: task(),
    )
    bench.credentials[key] = credential
    return credential


def test_a_key_that_was_replaced_costs_its_callers_nothing() -> None:
    bench = KeysBench()
    bench.acme.scripts[None] = [UNAUTHORIZED]
    renewed(bench, None, lambda: "new")
    opened = bench.open_plain()
    assert list(opened.batches) == [HELLO, THE_END]
    assert (opened.attempts, bench.clock.pauses) == (2, [])


def test_a_key_that_is_still_the_same_is_refused() -> None:
    bench = KeysBench()
    bench.acme.scripts[None] = [UNAUTHORIZED]
    renewed(bench, None, lambda: "old")
    with pytest.raises(UpstreamRefused):
        bench.open_plain()
    assert bench.acme.keys == [None]


@pytest.mark.parametrize("fault", [FORBIDDEN, UNPAID, LIMITED], ids=["403", "402", "429"])
def test_only_a_401_has_a_key_read_again(fault: GatewayError) -> None:
    bench = KeysBench()
    bench.acme.scripts[None] = [fault]
    renewed(bench, None, lambda: "new")
    with pytest.raises(type(fault)):
        bench.open_plain()
    assert bench.acme.keys == [None]


def test_a_key_of_a_pool_that_was_replaced_does_not_rest() -> None:
    bench = KeysBench("ab", a=[UNAUTHORIZED])
    renewed(bench, "a", lambda: "new")
    assert list(bench.open().batches) == [HELLO, THE_END]
    assert bench.resting() == ""


def test_a_key_that_is_not_there_yet_is_read_for_the_first_call() -> None:
    bench = KeysBench()
    credential = renewed(bench, None, lambda: "new")
    credential._current = None
    bench.acme.scripts[None] = [UNAUTHORIZED]
    assert bench.open_plain().attempts == 1


def unreadable() -> str:
    raise CredentialUnreadable("ended with status 1")


def test_without_a_key_that_can_be_read_nothing_is_called() -> None:
    bench = KeysBench()
    renewed(bench, None, unreadable)._current = None
    for _ in range(50):
        with pytest.raises(UpstreamUnavailable, match="cannot be read") as unavailable:
            bench.open_plain()
        assert (unavailable.value.status, unavailable.value.retry_after_s) == (503, 30)
    assert (bench.acme.keys, bench.clock.pauses) == ([], [])
    assert bench.breakers.states()["acme"] == "closed"


def test_a_key_of_a_pool_that_cannot_be_read_is_passed_over_at_once() -> None:
    bench = KeysBench("ab")
    renewed(bench, "a", unreadable)._current = None
    assert [bench.open().target.key for _ in range(3)] == ["b"] * 3
    assert (bench.acme.keys, bench.clock.pauses, bench.resting()) == (["b"] * 3, [], "a")
    bench.clock.now += 30
    assert bench.resting() == ""


def test_where_no_key_can_be_read_the_spare_answers() -> None:
    bench = KeysBench("a")
    renewed(bench, "a", unreadable)._current = None
    assert bench.open(spare=True).provider == "spare"


# What is told


def test_calls_are_counted_and_failures_logged_by_the_id_of_the_key() -> None:
    def calls(key: str, outcome: str) -> float:
        labels = {"provider": "acme", "key": key, "outcome": outcome}
        return REGISTRY.get_sample_value("gateway_upstream_key_calls_total", labels) or 0.0

    before = calls("a", "rate_limit_exceeded"), calls("b", "upstream_unavailable")
    bench = KeysBench("ab", a=[copy(LIMITED)], b=[DOWN])
    with capture_logs() as lines, pytest.raises(GatewayError):
        bench.open()
    assert calls("a", "rate_limit_exceeded") == before[0] + 1
    assert calls("b", "upstream_unavailable") == before[1] + 2
    assert [each["upstream_key"] for each in lines if each["event"] == "upstream_failed"] == ["b"]
    assert bench.call.key == "b"
