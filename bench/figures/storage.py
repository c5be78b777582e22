"""What the store reads and keeps: round trips and time by depth, bytes of a conversation."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import orjson
import redis

from app.domain.ids import tag_of
from app.schemas.items import item_json
from app.schemas.responses import response_json
from app.store.base import Turn
from app.store.chains import WHOLE, Chains
from app.store.keys import Keys
from bench.conversation import ACCOUNT, converse, opened, turns_of
from bench.servers import PREFIX
from bench.setting import Setting
from tests.counting import counted

DEPTHS = (1, 10, 100, 1000)
LONG = 200


class Storage:
    """The gateway's own store, asked from here."""

    def __init__(self, setting: Setting) -> None:
        self._times = setting.sized(200, 40)
        self._store, client = opened(setting.where)
        self._redis: redis.Redis = client
        self._keys = Keys(PREFIX)
        self._chains = Chains(client, self._keys)
        self._ends = {depth: converse(setting.where, 1, depth)[0] for depth in DEPTHS}

    def measure(self) -> dict[str, float]:
        """Return round trips, time in us and that of a bare LRANGE by depth, and bytes."""
        measured = self._bytes()
        for depth, response_id in self._ends.items():
            with counted() as traffic:
                self._store.context(ACCOUNT, response_id)
            measured[f"trips.{depth}"] = float(traffic.round_trips)
            measured[f"read_us.{depth}"] = self._read_us(response_id)
            measured[f"bare_us.{depth}"] = self._bare_us(response_id)
            measured[f"load_us.{depth}"] = self._load_us(response_id)
        return measured

    def _read_us(self, response_id: str) -> float:
        return self._timed_us(lambda: self._chains.find(ACCOUNT, response_id, *WHOLE))

    def _bare_us(self, response_id: str) -> float:
        log = self._keys.log(tag_of(response_id) or "", "0")
        return self._timed_us(lambda: self._redis.lrange(log, 0, -1))

    def _load_us(self, response_id: str) -> float:
        return self._timed_us(lambda: self._store.context(ACCOUNT, response_id))

    def _timed_us(self, call: Callable[[], object]) -> float:
        seconds = []
        for _ in range(self._times):
            started = perf_counter()
            call()
            seconds.append(perf_counter() - started)
        return median(seconds) * 1e6

    def _bytes(self) -> dict[str, float]:
        """Return what a conversation takes in Redis, and its JSON with each item once."""
        turns = turns_of(LONG)
        for turn in turns:
            self._store.save(turn)
        tag = tag_of(turns[0].response.id) or ""
        keys = list(self._redis.scan_iter(match=f"{PREFIX}{{{tag}}}*", count=10_000))
        taken: list[Any] = [self._redis.memory_usage(key, samples=0) for key in keys]
        told = sum(len(orjson.dumps(_told(turn))) for turn in turns)
        return {"kept_bytes": float(sum(taken)), "json_bytes": float(told)}


def _told(turn: Turn) -> list[Any]:
    shown = response_json(turn.response)
    del shown["output_text"]  # what the output holds already
    return [[item_json(item) for item in turn.input], shown]
