"""Both sides of background responses over one real Redis, and a model that does as it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from redis import Redis

from app.domain.accounts.accounts import Allowance, Caller, Principal
from app.domain.accounts.limits import Standing
from app.domain.prices import Cost
from app.domain.request import CreateRequest
from app.domain.response import Response, Usage
from app.domain.stream.events import Event, Lifecycle
from app.errors import GatewayError, StorageUnavailable
from app.schemas.request.create import CREATE_REQUEST
from app.schemas.wire.echo import echo
from app.schemas.wire.events import EVENT
from app.services.answering.preparation import Preparation
from app.services.answering.sealing import PayloadSealer
from app.services.background.active_jobs import ActiveJobs
from app.services.background.finisher import JobFinisher, stored_events
from app.services.background.service import Background
from app.services.background.subscriptions import FeedHub
from app.services.background.supervisor import Supervisor
from app.services.background.unrouted import WAIT_S, Unrouted
from app.services.background.worker import Worker
from app.services.conversations.service import Conversations, context_of
from app.services.limits.limiter import RateLimiter
from app.services.limits.meter import Meter
from app.services.limits.usage import UsageBook
from app.services.live_streams.keeper import LiveStreams
from app.services.responses.lookup import ResponseLookup
from app.services.upstreams.breakers import Breakers
from app.services.upstreams.catalog import ModelCatalog
from app.services.upstreams.discovery import Discovery
from app.services.upstreams.retries import RetryPolicy
from app.services.upstreams.router import Router
from app.settings import BackgroundSettings, LimitSettings, ProviderSettings
from app.store.connection.replication import Write
from app.store.conversations.redis import RedisConversationStore
from app.store.jobs.live_streams import RedisLiveStreamStore
from app.store.jobs.redis import RedisJobStore
from app.store.jobs.unrouted import UnroutedJobs
from app.store.responses.redis import RedisStore
from app.stream_check.grammar import Grammar
from tests.ids import IDS
from tests.memory_stores.rate_limits import MemoryRateLimitStore
from tests.memory_stores.usage import MemoryUsageStore
from tests.services.clocks import Clock
from tests.services.scripted import ScriptedProvider
from tests.store.turns import WRAPPING

NOON = 1_893_499_200.0
CALLER = Caller(account="acme", key_id="key_1", account_limits=Allowance(max_in_flight=5))

_ids = count()
_prefixes = (f"bench{number}:" for number in count())


class Away:
    """A job store that can go away: as soon as `is_away`, or just before what `at` names.

    `calls` are the names of what was asked of it.
    """

    def __init__(self, jobs: RedisJobStore) -> None:
        self._jobs = jobs
        self.is_away = False
        self.at: set[str] = set()
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._jobs, name)
        if name in ("encode", "decode"):
            return method

        def sending(*args: Any, **more: Any) -> Any:
            self.calls.append(name)
            if self.is_away or name in self.at:
                raise StorageUnavailable("away")
            return method(*args, **more)

        return sending


@dataclass
class Box:
    """Tickets that go nowhere; `at_clear` is called whenever they are forgotten."""

    sent: list[int] = field(default_factory=list)
    cleared: int = 0
    woken: int = 0
    is_away: bool = False
    idle_for_s: float = 0.0
    at_clear: Callable[[], None] = lambda: None

    def send(self, count: int) -> None:
        if self.is_away:
            raise StorageUnavailable("away")
        self.sent.append(count)

    def waking(self, count: int) -> list[Write]:
        self.sent.append(count)
        return []

    def clear(self) -> None:
        self.cleared += 1
        self.at_clear()

    def wake(self) -> None:
        self.woken += 1

    def idle_s(self) -> float:
        return self.idle_for_s


class Noted:
    """An observer that remembers where the caller stood."""

    def __init__(self) -> None:
        self.standing: Standing | None = None

    def admitted(self, standing: Standing) -> None:
        self.standing = standing

    def lost(self, usage: Usage, cost: Cost) -> None:
        raise AssertionError("a queued response has lost nothing")

    def ended(self, response: Response, failure: GatewayError | None, cost: Cost) -> None:
        raise AssertionError("a queued response has not ended")


class Bench:
    """One gateway. `lease_s` is its workers' lease; `lapse` ends every lease that there is."""

    def __init__(self, client: Redis, settings: BackgroundSettings | None = None) -> None:
        self.client: Any = client
        self.prefix = next(_prefixes)
        self.settings = settings or BackgroundSettings(concurrency=2)
        self.clock, self.now = Clock(), Clock(NOON)
        self.responses = RedisStore(client, self.prefix)
        self.store = RedisJobStore(
            client, self.prefix, self.responses, self.settings.lease_s, WRAPPING
        )
        self.away = Away(self.store)
        self.jobs: Any = self.away
        self.provider = ScriptedProvider("p")
        self.models: tuple[str, ...] = ("m",)
        self.unrouted_jobs = UnroutedJobs(
            client, self.prefix, self.settings.lease_s, WAIT_S, WRAPPING
        )
        self.caller: Caller | None = CALLER
        self.rate_limits = MemoryRateLimitStore(self.clock)
        self.usage = MemoryUsageStore(self.rate_limits.adjust)
        self.meter = Meter(
            RateLimiter(self.rate_limits, LimitSettings(), lambda: f"lease{next(_ids)}", _ignore),
            UsageBook(self.usage, self.now, _ignore),
        )
        lease_s = self.settings.lease_s
        self.live_store = RedisLiveStreamStore(
            client, self.prefix, self.responses, lease_s, WRAPPING
        )
        self.lookup = ResponseLookup(self.responses, self.jobs)
        self.box = Box()
        self.finisher = JobFinisher(self.jobs, self.meter, self.now)
        self.active_jobs = ActiveJobs(self.jobs, self.clock, self.settings.time_limit_s)
        self.pauses: list[float] = []
        self.at_pause: Callable[[], None] = _ignore
        # Its listener outlives the test: it must not be in a hurry when Redis has gone.
        self.hub = FeedHub(self.jobs, threading.Event().wait)

    def pause(self, seconds: float) -> None:
        """Let the time pass, and whatever is to happen in it."""
        self.pauses.append(seconds)
        self.clock.now += seconds
        self.at_pause()

    @property
    def served(self) -> ProviderSettings:
        """The provider as this gateway.toml has it; `models` are those that it knows."""
        return ProviderSettings(name="p", api="local", models=self.models)

    @property
    def catalog(self) -> ModelCatalog:
        """The models that are known now."""
        discovery = Discovery([], self.clock)
        return ModelCatalog([self.served], [], {"p": self.provider}, discovery, lambda *_: None)

    @property
    def preparation(self) -> Preparation:
        """Prepares and opens answers of what is the provider now."""
        retries = RetryPolicy(self.clock, lambda: 0.0, lambda _call, seconds: self.pause(seconds))
        router = Router([self.served], Breakers(["p"], self.clock), retries, self.clock)
        return Preparation(
            self.responses,
            self.catalog,
            router,
            PayloadSealer(lambda: b"secret"),
            IDS,
            lambda: int(self.now()),
            context_of(self.conversations, self.lookup.context),
            echo,
        )

    @property
    def live_streams(self) -> LiveStreams:
        """The streams that this process sends to their callers."""
        return LiveStreams(self.jobs, self.live_store, self.settings.lease_s)

    @property
    def conversations(self) -> Conversations:
        """The conversations that have ids."""
        store = RedisConversationStore(self.client, self.prefix)
        return Conversations(store, self.responses, IDS, _ignore, lambda: int(self.now()))

    @property
    def background(self) -> Background:
        """The callers' side."""
        return Background(
            self.jobs,
            self.live_store,
            self.preparation,
            self.hub,
            self.meter,
            self.settings,
            self.box.waking,
            self.now,
        )

    @property
    def worker(self) -> Worker:
        """The workers' side."""
        return Worker(
            self.jobs,
            self.preparation,
            self.finisher,
            self.active_jobs,
            self.settings,
            caller_of=lambda _key_id: self.caller,
            send=self.box.send,
            leave=self.unrouted.leave,
            clock=self.clock,
            now=self.now,
            pause=self.pause,
        )

    @property
    def unrouted(self) -> Unrouted:
        """What is left to other workers, and taken from them."""
        return Unrouted(
            self.unrouted_jobs,
            self.jobs,
            self.finisher,
            self.active_jobs,
            find=self.find,
            begin=lambda response_id: self.worker.work_on(response_id),
            new_token=lambda: "ends",
            capacity=2,
        )

    def find(self, _principal: Principal, model: str) -> None:
        """Raise NotFound for a model that is not known here."""
        self.catalog.resolve(model, CALLER)

    @property
    def supervisor(self) -> Supervisor:
        """What keeps the jobs going."""
        return Supervisor(
            self.jobs,
            self.active_jobs,
            self.finisher,
            self.box,
            self.settings,
            self.clock,
            self.pause,
        )

    def queued(self, text: str = "hi", **more: Any) -> str:
        """Queue a request and return its response's id."""
        body = {"model": "m", "input": text, "background": True} | more
        sent: CreateRequest = CREATE_REQUEST.load(body)
        response, _ = self.background.enqueue(CALLER, sent, body, Noted())
        return response.id

    def begun(self, response_id: str) -> None:
        """Have some other worker begin the job, and not be heard of any more."""
        assert self.store.take() == response_id
        assert self.store.claim(response_id, "other") is not None

    def lapse(self) -> None:
        """End every lease."""
        leases = f"{self.prefix}{{jobs}}:leases"
        for response_id in self.client.zrange(leases, 0, -1):
            self.client.zadd(leases, {response_id: 0})

    def events(self, response_id: str) -> list[Event]:
        """Return the events of a stream that has ended, which has to be well-formed."""
        from_store = list(stored_events(self.store, response_id))
        grammar = Grammar()
        for event in from_store:
            grammar.take(EVENT.dump(event))
        assert grammar.ended
        return from_store

    def kept(self, response_id: str) -> Response:
        """Return a response that has ended, as it was stored and told."""
        response = self.responses.get("acme", response_id).response
        last = self.events(response_id)[-1]
        assert isinstance(last, Lifecycle)
        assert replace(last.response, echo={}) == replace(response, echo={})
        return response


def _ignore(*_: Any) -> None:
    """Do nothing."""
