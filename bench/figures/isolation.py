"""Whether response times tell another account's response from one that does not exist."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from math import sqrt
from random import Random
from statistics import median
from time import perf_counter

from bench.ids import new_id, new_tag
from bench.questions import small
from bench.servers import HOST
from bench.setting import Setting
from tests.e2e.gateway import make_key

WARM_UP = 100


class Isolation:
    """Another account requests both, in random order, on one connection."""

    def __init__(self, setting: Setting) -> None:
        self._count = setting.sized(4000, 1000)
        self._stranger = make_key("stranger", setting.where.env)
        self._call = HTTPConnection(HOST, setting.gateway.port)
        data = self._ask("POST", "", setting.gateway.key, json.dumps(small().responses))
        self._ids = {"foreign": json.loads(data)["id"], "unknown": new_id("resp", new_tag())}

    def measure(self) -> dict[str, float]:
        """Return the median of each in microseconds, and how far their ranks are apart.

        The latter is in standard deviations.
        """
        sent = [*self._ids] * (self._count + WARM_UP)
        Random(self._count).shuffle(sent)  # noqa: S311 - an order, no secret
        took_us: dict[str, list[float]] = {which: [] for which in self._ids}
        for which in sent:
            began = perf_counter()
            self._ask("GET", f"/{self._ids[which]}", self._stranger)
            took_us[which].append((perf_counter() - began) * 1e6)
        # The next measurement reconnects; a stopping gateway waits for open connections.
        self._call.close()
        foreign, unknown = (took_us[which][WARM_UP:] for which in ("foreign", "unknown"))
        return {
            "foreign": median(foreign),
            "unknown": median(unknown),
            "z": apart(foreign, unknown),
        }

    def _ask(self, method: str, path: str, key: str, body: str | None = None) -> bytes:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._call.request(method, f"/v1/responses{path}", body, headers)
        with self._call.getresponse() as answer:
            return answer.read()


def apart(one: list[float], other: list[float]) -> float:
    """Return Wilcoxon's rank sum of two samples as standard deviations from the expected value."""
    ranked = sorted([(value, True) for value in one] + [(value, False) for value in other])
    sum_of_one = sum(rank for rank, (_, is_one) in enumerate(ranked, 1) if is_one)
    expected = len(one) * (len(ranked) + 1) / 2
    return (sum_of_one - expected) / sqrt(expected * len(other) / 6)
