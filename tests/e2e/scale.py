"""Two gateways, two workers, a Redis Cluster and nginx, on loopback; and load on all of it."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from time import monotonic

from tests.e2e import gateway as gateways
from tests.e2e.callers import Caller, Chained, Conversing, Following, Waiting
from tests.e2e.gateway import Keys
from tests.e2e.test_nginx import running_nginx
from tests.e2e.webs import Web, two_webs
from tests.e2e.workers import WorkerProcess, working
from tests.processes import until
from tests.redis_cluster import Shard, running_shards

#: Callers of each kind.
CALLERS: dict[type[Chained | Conversing | Waiting], int] = {
    Chained: 4,
    Conversing: 4,
    Waiting: 3,
    Following: 3,
}


@dataclass(frozen=True, slots=True)
class Site:
    """All of it. `shard` is the one that has the queues."""

    url: str
    keys: Keys
    webs: Sequence[Web]
    workers: Sequence[WorkerProcess]
    shard: Shard


@contextlib.contextmanager
def running_site(env: Mapping[str, str], directory: Path) -> Iterator[Site]:
    """Run all of it; two replicas a master, so that one node of a shard may be lost."""
    with contextlib.ExitStack() as stack:
        queues = f"{gateways.REDIS_PREFIX}{{jobs}}"
        shard = stack.enter_context(running_shards(queues, replicas=2, timeout_ms=2000))
        env = {**env, "REDIS_URL": shard.url}
        keys = Keys(gateways.make_key("acme", env), "")
        webs = stack.enter_context(two_webs(env, directory))
        workers = [stack.enter_context(working(env, directory)) for _ in range(2)]
        first, second = (each.url for each in webs)
        url = stack.enter_context(running_nginx(first, directory, others=[second]))
        try:
            yield Site(url, keys, webs, workers, shard)
        finally:
            for worker in workers:
                worker.kill()


@dataclass
class Load:
    """Callers of every kind at once. `phases` are what happened, and when that began."""

    site: Site
    callers: list[Caller] = field(default_factory=list)
    phases: list[tuple[str, float]] = field(default_factory=list)
    refusals: list[Counter[str]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Load:
        site, over = self.site, self.over
        self.callers = [
            kind(site.url, site.keys.own, f"{kind.__name__.lower()} {number}", over)
            for kind, some in CALLERS.items()
            for number in range(some)
        ]
        self._threads = [threading.Thread(target=each.run) for each in self.callers]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self._threads:
            thread.join()
        self.begin("")

    def begin(self, phase: str) -> None:
        """Say what happens from now on."""
        self.phases.append((phase, monotonic()))
        self.refusals.append(self._refused())

    def go_on(self, promises: int = 5) -> None:
        """Return when each caller has been promised so much since now."""
        before = [len(each.promised_at) for each in self.callers]

        def all_did() -> bool:
            assert all(each.is_alive() for each in self._threads), "a caller gave up"
            counts = (len(each.promised_at) for each in self.callers)
            return all(now >= then + promises for then, now in zip(before, counts, strict=True))

        until(all_did, "every caller to be answered again")

    @property
    def promises(self) -> int:
        """How much all callers were promised."""
        return sum(len(each.promised_at) for each in self.callers)

    def figures(self) -> str:
        """Return a line for each phase, once it is over."""
        lines = [
            "",
            f"{'':24}{'promised':>9}{'longest gap: anybody':>22}{'one caller':>12}  refused",
        ]
        for number, ((phase, start), (_, end)) in enumerate(pairwise(self.phases)):
            everybody = sorted(at for each in self.callers for at in each.promised_at)
            promised = sum(start <= at < end for at in everybody)
            alone = max(_gap(each.promised_at, start, end) for each in self.callers)
            refused = self.refusals[number + 1] - self.refusals[number]
            lines.append(
                f"{phase:24}{promised:9}{_gap(everybody, start, end):20.2f} s{alone:10.2f} s"
                f"  {dict(refused) or 'none'}"
            )
        return "\n".join(lines)

    def _refused(self) -> Counter[str]:
        return sum((each.refused for each in self.callers), Counter[str]())


def _gap(times: Sequence[float], start: float, end: float) -> float:
    """Return the longest time between two promises, of those in between."""
    marks = [start, *(at for at in times if start <= at < end), end]
    return max(later - earlier for earlier, later in pairwise(marks))
