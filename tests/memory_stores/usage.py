"""The accounts of use in this process's memory."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date

from app.domain.accounts.attribution import NOBODY, Attribution
from app.domain.accounts.request_log import RequestEntry
from app.domain.accounts.usage import UsageLine, parts
from app.store.rate_limits.base import Adjustment
from app.store.usage.base import MAX_LINES_A_DAY, OTHER_MODELS, Unwritten


class MemoryUsageStore:
    """A UsageStore that forgets everything when the process ends; `adjust` is for rate limits.

    `logged` is the request log, the oldest entry first.
    """

    def __init__(self, adjust: Callable[[Adjustment], None]) -> None:
        self.logged: list[RequestEntry] = []
        self._adjust = adjust
        self._lock = threading.Lock()
        self._written: set[object] = set()  # the ids of lines, and the entries written together
        self._days: defaultdict[tuple[str, date], dict[tuple[str, str], UsageLine]]
        self._days = defaultdict(dict)
        self._attributed: defaultdict[
            tuple[str, date], dict[tuple[str, str, Attribution], UsageLine]
        ] = defaultdict(dict)

    def record(
        self,
        lines: Sequence[UsageLine],
        adjustments: Sequence[Adjustment] = (),
        entries: Sequence[RequestEntry] = (),
    ) -> Sequence[Unwritten]:
        with self._lock:
            if self._is_new(tuple(entries)):
                self.logged += entries
            for line in lines:
                if self._is_new(line.write_id):
                    self._add(line)
        for each in adjustments:
            self._adjust(each)
        return ()

    def read(
        self, account: str, days: Sequence[date], *, attributed: bool = False
    ) -> Iterator[UsageLine]:
        for day in days:
            with self._lock:
                whole = [line for _, line in sorted(self._days.get((account, day), {}).items())]
                of = list(self._attributed.get((account, day), {}).values())
            yield from parts(whole, of) if attributed else whole

    def size(self, account: str, days: Sequence[date], *, attributed: bool = False) -> int:
        return sum(1 for _ in self.read(account, days, attributed=attributed))

    def _is_new(self, write: object) -> bool:
        is_new = write not in self._written
        if write:
            self._written.add(write)
        return is_new

    def _add(self, line: UsageLine) -> None:
        to, line = line.attribution, replace(line, attribution=NOBODY)
        lines = self._days[line.account, line.day]
        before = lines.get((line.key_id, line.model))
        if before is None and len(lines) >= MAX_LINES_A_DAY:
            line = replace(line, model=OTHER_MODELS)
            before = lines.get((line.key_id, line.model))
        lines[line.key_id, line.model] = before.plus(line) if before else line
        if to != NOBODY:
            self._attribute(replace(line, attribution=to))

    def _attribute(self, line: UsageLine) -> None:
        lines, to = self._attributed[line.account, line.day], line.attribution
        before = lines.get((line.key_id, line.model, to))
        lines[line.key_id, line.model, to] = before.plus(line) if before else line
