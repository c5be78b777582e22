"""What a worker is told, and when what is due as it ends."""

from __future__ import annotations

from app.serving.worker_state import CLOSING_S, STORING_S, Leaving, Order, Phase, WorkerState

GRACE_S, LONGEST_S = 30.0, 3600.0


class Bench:
    """A worker that leaves, its app and its clock."""

    def __init__(self, grace_s: float = GRACE_S) -> None:
        self.now = 1000.0
        self.done: list[str] = []
        self.leaving = Leaving(grace_s, LONGEST_S, lambda: self.now)

    def close_answers(self) -> None:
        self.done.append("close")

    def hang_up(self) -> None:
        self.done.append("hang up")

    def at(self, seconds: float, connections: int = 1) -> bool:
        self.now = 1000.0 + seconds
        return self.leaving.step(self, connections)


def test_a_worker_without_connections_may_go_at_once() -> None:
    bench = Bench()
    bench.leaving.order(Order.STOP)
    assert bench.at(0, connections=0)
    assert bench.done == []


def test_answers_are_ended_shortly_before_the_grace_is_over() -> None:
    bench = Bench()
    bench.leaving.order(Order.STOP)
    assert not bench.at(GRACE_S - CLOSING_S - 0.1)
    assert bench.done == []
    assert not bench.at(GRACE_S - CLOSING_S)
    assert not bench.at(GRACE_S - 0.1)
    assert bench.done == ["close"]


def test_who_does_not_take_the_end_is_hung_up_on_and_kept_time_to_be_stored() -> None:
    bench = Bench()
    bench.leaving.order(Order.STOP)
    assert not bench.at(GRACE_S)
    assert bench.done == ["close", "hang up"]
    assert not bench.at(GRACE_S + STORING_S - 0.1)
    assert bench.at(GRACE_S + STORING_S)
    assert bench.done == ["close", "hang up"]


def test_a_worker_that_retires_has_as_long_as_an_answer_may_take() -> None:
    bench = Bench()
    bench.leaving.order(Order.RETIRE)
    assert not bench.at(LONGEST_S - CLOSING_S - 0.1)
    assert bench.done == []


def test_a_stop_of_one_that_retires_counts_from_when_it_comes() -> None:
    bench = Bench()
    bench.leaving.order(Order.RETIRE)
    assert not bench.at(100)
    bench.leaving.order(Order.STOP)
    assert not bench.at(100 + GRACE_S - CLOSING_S - 0.1)
    assert bench.done == []
    assert not bench.at(100 + GRACE_S - CLOSING_S)
    assert bench.done == ["close"]


def test_being_told_again_gives_no_more_time() -> None:
    bench = Bench()
    bench.leaving.order(Order.STOP)
    assert not bench.at(20)
    bench.leaving.order(Order.STOP)
    assert not bench.at(GRACE_S - CLOSING_S)
    assert bench.done == ["close"]


def test_no_grace_at_all_leaves_time_for_the_ending() -> None:
    bench = Bench(grace_s=0)
    bench.leaving.order(Order.STOP)
    assert not bench.at(0)
    assert bench.done == ["close"]


def test_quitting_ends_answers_at_once() -> None:
    bench = Bench()
    bench.leaving.order(Order.QUIT)
    assert not bench.at(0)
    assert bench.done == ["close"]


def test_an_order_only_becomes_graver() -> None:
    state = WorkerState()
    state.phase = Phase.SERVING
    assert state.serves
    state.give(Order.STOP)
    state.give(Order.RETIRE)
    assert state.order is Order.STOP
    assert state.leaves
    assert not state.serves


def test_idle_connections_are_kept_for_a_moment_unless_it_has_to_be_at_once() -> None:
    bench = Bench()
    bench.leaving.order(Order.STOP)
    assert bench.leaving.lingers
    bench.leaving.order(Order.QUIT)
    assert not bench.leaving.lingers
