"""Reads and size of the store: round trips and time by depth, bytes of a conversation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from statistics import median
from time import perf_counter
from typing import Any

import orjson
import redis

from app.domain.ids import tag_of
from app.domain.turns.turn import Turn
from app.schemas.wire.items import ITEM
from app.schemas.wire.responses import RESPONSE
from app.store.keys import Keys
from app.store.responses.chains import WHOLE, Chains
from bench.conversation import ACCOUNT, converse, opened, turns_of
from bench.servers import PREFIX
from bench.setting import Setting
from tests.counting import counted

DEPTHS = (1, 10, 100, 1000)
LONG = 200


class Storage:
    """The gateway's own store, called from this process."""

    def __init__(self, setting: Setting) -> None:
        self._count = setting.sized(200, 80)
        self._store, client = opened(setting.where)
        self._redis: redis.Redis = client
        self._keys = Keys(PREFIX)
        self._chains = Chains(client, self._keys)
        self._ends = {depth: converse(setting.where, 1, depth)[0] for depth in DEPTHS}

    def measure(self) -> dict[str, float]:
        """Return what reading turns costs, by their number, and the bytes of a conversation.

        trips: round trips of `context`, which every continued request calls.
        read_us: the reading in it, `Chains.find`: the entries as they are in Redis, not decoded.
        bare_us: one LRANGE of the same entries: the cost of transferring their bytes.
        made_us: all of `context`: the entries read, decompressed, and converted into items.
        """
        return self._bytes() | self._trips() | self._times()

    def _trips(self) -> dict[str, float]:
        measured = {}
        for depth, response_id in self._ends.items():
            self._store.context(ACCOUNT, response_id)  # the first call loads the script
            with counted() as traffic:
                self._store.context(ACCOUNT, response_id)
            measured[f"trips.{depth}"] = float(traffic.round_trips)
        return measured

    def _times(self) -> dict[str, float]:
        """Return medians in microseconds; figures that are compared are measured in turn.

        Making items is measured apart: after long work, a process waits longer for Redis.
        """
        reads = {
            f"{name}.{depth}": call
            for depth, response_id in self._ends.items()
            for name, call in self._reads(response_id).items()
        }
        made = {
            f"made_us.{depth}": partial(self._store.context, ACCOUNT, response_id)
            for depth, response_id in self._ends.items()
        }
        return _medians_us(reads, self._count) | _medians_us(made, self._count // 4)

    def _reads(self, response_id: str) -> dict[str, Callable[[], object]]:
        log = self._keys.log(tag_of(response_id) or "", "0")
        return {
            "read_us": partial(self._chains.find, ACCOUNT, response_id, WHOLE),
            "bare_us": partial(self._redis.lrange, log, 0, -1),
        }

    def _bytes(self) -> dict[str, float]:
        """Return a conversation's size in Redis, and that of its JSON with each item once."""
        turns = turns_of(LONG)
        for turn in turns:
            self._store.save(turn)
        tag = tag_of(turns[0].response.id) or ""
        keys = list(self._redis.scan_iter(match=f"{PREFIX}{{{tag}}}*", count=10_000))
        taken: list[Any] = [self._redis.memory_usage(key, samples=0) for key in keys]
        data = sum(len(orjson.dumps(_written(turn))) for turn in turns)
        return {"kept_bytes": float(sum(taken)), "json_bytes": float(data)}


def _medians_us(calls: Mapping[str, Callable[[], object]], times: int) -> dict[str, float]:
    took_us: defaultdict[str, list[float]] = defaultdict(list)
    for _ in range(times):
        for name, call in calls.items():
            started = perf_counter()
            call()
            took_us[name].append((perf_counter() - started) * 1e6)
    return {name: median(values) for name, values in took_us.items()}


def _written(turn: Turn) -> list[Any]:
    payload = RESPONSE.dump(turn.response)
    del payload["output_text"]  # it repeats the output
    return [ITEM.dump_all(turn.input), payload]
