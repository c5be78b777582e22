"""Conversations grown at random, against the plainest model of what a store must know."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.items import Item
from app.domain.turns.page import PageQuery
from app.domain.turns.turn import Turn
from app.errors import NotFound
from app.store.responses.base import ResponseStore
from tests.store.turns import ACCOUNT, continued, left_by, saved

BEGIN, CONTINUE, DELETE = "begin", "continue", "delete"
STEPS = st.lists(
    st.tuples(st.sampled_from([BEGIN, CONTINUE, CONTINUE, CONTINUE, DELETE]), st.integers(0)),
    max_size=30,
)


@dataclass
class Model:
    """Every turn with those before it, oldest first; and which were deleted."""

    chains: list[list[Turn]] = field(default_factory=list)
    deleted: set[str] = field(default_factory=set)

    @property
    def live(self) -> list[list[Turn]]:
        return [each for each in self.chains if each[-1].response.id not in self.deleted]

    def step(self, store: ResponseStore, kind: str, which: int) -> None:
        if kind == BEGIN or not self.live:
            self.chains.append([saved(store, f"root {which}")])
            return
        chain = self.live[which % len(self.live)]
        if kind == CONTINUE:
            self.chains.append([*chain, continued(store, chain[-1], f"turn {len(self.chains)}")])
        else:
            store.delete(ACCOUNT, chain[-1].response.id)
            self.deleted.add(chain[-1].response.id)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(steps=STEPS)
def test_a_store_knows_of_a_tree_what_the_model_knows(
    store: ResponseStore, steps: list[tuple[str, int]]
) -> None:
    model = Model()
    for kind, which in steps:
        model.step(store, kind, which)
    for chain in model.live:
        last = chain[-1].response.id
        assert store.get(ACCOUNT, last) == chain[-1]
        context = store.context(ACCOUNT, last)
        assert context.items == left_by(*chain)
        assert context.inputs == _inputs(chain)
        assert _listed(store, last) == left_by(*chain[:-1]) + chain[-1].input
    for response_id in model.deleted:
        with pytest.raises(NotFound):
            store.context(ACCOUNT, response_id)


def _inputs(chain: list[Turn]) -> tuple[range, ...]:
    starts = [len(left_by(*chain[:depth])) for depth in range(len(chain))]
    return tuple(
        range(start, start + len(turn.input)) for start, turn in zip(starts, chain, strict=True)
    )


def _listed(store: ResponseStore, response_id: str) -> tuple[Item, ...]:
    return store.input_items(ACCOUNT, response_id, PageQuery(order="asc", limit=100)).items
