"""The table of Redis's faults: what each looks like from outside, and what it has left behind."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType
from typing import Any, Self

import requests

from tests.e2e.background import ended, following, queued
from tests.e2e.faulty_redis import FaultyRedis
from tests.e2e.gateway import Gateway
from tests.e2e.tcp_proxy import TcpProxy
from tests.processes import PATIENCE_S, until
from tests.upstream.client import Upstream
from tests.upstream.script import Script

#: How often what is loaded asks, in seconds, and how long a fault lasts: longer than a lease, which
#: is so long that a machine that stands still for a moment loses none.
EVERY_S = 0.1
FAULT_S = 2.5


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways of web and worker to their Redis."""

    redis: FaultyRedis
    web: TcpProxy
    worker: TcpProxy


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault and its end. What its caller sees: the statuses of a background request, of one
    that is not to be kept, of a GET and of /readyz.
    """

    name: str
    begin: Callable[[Ways], None]
    end: Callable[[Ways], None]
    sees: tuple[int, int, int, int]


_AWAY = (503, 200, 503, 503)
_READ_ONLY = (503, 200, 200, 200)
_UNSEEN = (202, 200, 200, 200)  # by the web: a worker may be silent for 15 s


def _both(act: Callable[[TcpProxy], None]) -> Callable[[Ways], None]:
    def each(ways: Ways) -> None:
        act(ways.web)
        act(ways.worker)

    return each


FAULTS = (
    Fault("stalls", lambda on: on.redis.stall(), lambda on: on.redis.go_on(), _AWAY),
    Fault("is killed", lambda on: on.redis.kill(), lambda on: on.redis.start(), _AWAY),
    Fault("is full", lambda on: on.redis.fill(), lambda on: on.redis.set(maxmemory=0), _READ_ONLY),
    Fault(
        "cannot save",
        lambda on: on.redis.lose_its_disk(),
        lambda on: on.redis.find_its_disk(),
        _READ_ONLY,
    ),
    Fault(
        "is a replica", lambda on: on.redis.follow_nobody(), lambda on: on.redis.lead(), _READ_ONLY
    ),
    Fault(
        "lacks replicas",
        lambda on: on.redis.set(min_replicas_to_write=1),
        lambda on: on.redis.set(min_replicas_to_write=0),
        _READ_ONLY,
    ),
    Fault(
        "has no room for clients",
        lambda on: on.redis.full_house(),
        lambda on: on.redis.set(maxclients=1000),
        _AWAY,
    ),
    Fault(
        "has another password",
        lambda on: on.redis.change_password(),
        lambda on: on.redis.set(requirepass=""),
        _AWAY,
    ),
    Fault("refuses", _both(TcpProxy.refuse), _both(TcpProxy.open), _AWAY),
    Fault("is a black hole", _both(TcpProxy.swallow), _both(TcpProxy.open), _AWAY),
    Fault("refuses the web", lambda on: on.web.refuse(), lambda on: on.web.open(), _AWAY),
    Fault(
        "refuses the worker", lambda on: on.worker.refuse(), lambda on: on.worker.open(), _UNSEEN
    ),
    Fault(
        "is a black hole to the worker",
        lambda on: on.worker.swallow(),
        lambda on: on.worker.open(),
        _UNSEEN,
    ),
)


@dataclass(slots=True)
class Row:
    """What became of a fault: of the jobs that ran then, of those that came then and after.

    `during` are the statuses that a caller saw, `ends` how jobs ended that were acknowledged,
    `calls` how often their models were called, `refused` how often those of refused ones were.
    """

    sees: tuple[int, ...] = ()
    ends: dict[str, tuple[str, str]] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    followed: str = ""


class Table:
    """Makes rows, one after the other, of one gateway."""

    def __init__(self, gateway: Gateway, upstream: Upstream, ways: Ways) -> None:
        self._gateway = gateway
        self._upstream = upstream
        self._ways = ways

    def row(self, fault: Fault) -> Row:
        """Have the fault while one job has spoken, another has not, and others come."""
        row, ids = Row(), {}
        scripts = {
            "spoken": Script(say=("one ", "two"), stall_after=1, tag=f"{fault.name} spoken"),
            "silent": Script(say=("one ", "two"), stall_after=-1, tag=f"{fault.name} silent"),
        }
        for name, script in scripts.items():
            ids[name] = queued(self._gateway, script)
            self._upstream.wait(script.tag, "stalled")
        with following(self._gateway, ids["spoken"]) as call, ThreadPoolExecutor() as pool:
            call.event("response.output_text.delta")
            fault.begin(self._ways)
            try:
                row.sees, coming = self._seen(fault, ids["silent"], pool)
                for script in scripts.values():
                    self._upstream.release(script.tag)
                threading.Event().wait(FAULT_S)  # what is to happen in it is that time passes
            finally:
                fault.end(self._ways)
            ids |= coming
            ids["after"] = self._accepted(f"{fault.name} after")
            row.ends = {name: _ending(ended(self._gateway, each)) for name, each in ids.items()}
            row.followed = str(call.event("response.completed")["type"])
        tags = {name: f"{fault.name} {name}" for name in ("spoken", "silent", "after", "during")}
        calls = {name: len(self._upstream.requests(tag)) for name, tag in tags.items()}
        row.calls = {name: times for name, times in calls.items() if name in ids}
        row.refused = {name: times for name, times in calls.items() if name not in ids}
        return row

    def _seen(
        self, fault: Fault, known: str, pool: ThreadPoolExecutor
    ) -> tuple[tuple[int, ...], dict[str, str]]:
        """Return what callers see while the fault lasts, and what was accepted."""
        script = Script(say=("one ", "two"), tag=f"{fault.name} during").text()
        body = {"model": "steady", "input": script, "background": True}
        untold = {"model": "steady", "input": "hi", "store": False}
        calls: list[Future[requests.Response]] = [
            pool.submit(self._gateway.call, "POST", "/v1/responses", body),
            pool.submit(self._gateway.call, "POST", "/v1/responses", untold),
            pool.submit(self._gateway.get, known),
            pool.submit(self._gateway.call, "GET", "/readyz", key=None),
        ]
        first, *others = (call.result() for call in calls)
        accepted = {"during": first.json()["id"]} if first.status_code == 202 else {}
        if not accepted:
            assert first.json()["error"]["code"] == "storage_unavailable", first.text
        return tuple(answer.status_code for answer in (first, *others)), accepted

    def _accepted(self, tag: str) -> str:
        """Return the id of a job that is accepted as soon as jobs are."""
        body = {
            "model": "steady",
            "input": Script(say=("one ", "two"), tag=tag).text(),
            "background": True,
        }
        ids: list[str] = []

        def accept() -> bool:
            answer = self._gateway.call("POST", "/v1/responses", body)
            if answer.status_code == 202:
                ids.append(answer.json()["id"])
            return bool(ids)

        until(accept, "a job to be accepted again")
        return ids[0]


def _ending(response: dict[str, Any]) -> tuple[str, str]:
    return response["status"], response["output_text"]


class Load:
    """Asks for background responses all the time, whatever comes of it, until its block ends."""

    def __init__(self, gateway: Gateway) -> None:
        self.acknowledged: dict[str, str] = {}
        self.refused: list[str] = []
        self._gateway = gateway
        self._over = threading.Event()
        self._numbers = count()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _ask(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while not self._over.wait(EVERY_S):
                self._ask_once(session, f"load {next(self._numbers)}")

    def _ask_once(self, session: requests.Session, tag: str) -> None:
        script = Script(say=("one ", "two"), tag=tag).text()
        answer = session.post(
            f"{self._gateway.url}/v1/responses",
            json={"model": "steady", "input": script, "background": True},
            headers={"Authorization": f"Bearer {self._gateway.keys.own}"},
            timeout=PATIENCE_S,
        )
        if answer.status_code == 202:
            self.acknowledged[tag] = answer.json()["id"]
        else:
            self.refused.append(tag)


@dataclass(slots=True)
class Figures:
    """What became of what was asked for under all faults."""

    requested: int
    acknowledged: int
    refused: int
    ends: Counter[str]
    called_twice: int
    refused_and_called: int


def figures(gateway: Gateway, upstream: Upstream, load: Load) -> Figures:
    """Return them once every job has ended."""
    ends = Counter(ended(gateway, each)["status"] for each in load.acknowledged.values())
    times = Counter(each["tag"] for each in upstream.requests() if each["tag"].startswith("load "))
    return Figures(
        requested=len(load.acknowledged) + len(load.refused),
        acknowledged=len(load.acknowledged),
        refused=len(load.refused),
        ends=ends,
        called_twice=sum(number > 1 for number in times.values()),
        refused_and_called=sum(times[tag] for tag in load.refused),
    )
