"""The names of models in metrics: their ids if these are known, else "other" (N12).

A caller can name any model, and a metric has a row for each value of a label. So an invented name
has no value of its own, and at most 200 models have one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from app.services.upstreams.discovery import Discovery

OTHER = "other"
MAX_LABELS = 200

_GLOB = frozenset("*?[")


class ModelLabels:
    """The ids in gateway.toml, then those that servers list, MAX_LABELS at most.

    `configured` are the ids of [models], `served` the ids and globs of each provider. All processes
    have the same labels while the lists are the same.
    """

    def __init__(
        self,
        configured: Iterable[str],
        served: Mapping[str, tuple[str, ...]],
        discovery: Discovery,
    ) -> None:
        self._configured = tuple(configured)
        self._served = served
        self._discovery = discovery
        self._lists: tuple[tuple[str, ...], ...] = ()
        self._known = self._first()

    def of(self, model_id: str) -> str:
        """Return the label of the model that callers know by this id. Waits for no list."""
        if model_id in self._known:
            return model_id
        lists = tuple(self._discovery.known(name) or () for name in self._served)
        if lists != self._lists:
            self._lists = lists
            self._known = self._first()
        return model_id if model_id in self._known else OTHER

    def _first(self) -> frozenset[str]:
        return frozenset(islice(dict.fromkeys(self._ids()), MAX_LABELS))

    def _ids(self) -> Iterator[str]:
        yield from self._configured
        for provider, globs in self._served.items():
            for model in globs:
                if _GLOB.isdisjoint(model):
                    yield from (model, f"{provider}/{model}")
        for provider, models in zip(self._served, self._lists, strict=False):
            for model in models:
                yield from (f"{provider}/{model}", model)
