"""In what order the master deals with signals that came while it was busy, and with reloads."""

from __future__ import annotations

import math
import queue
import signal
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config

from app.serving import arbiter
from app.serving.arbiter import GatewayArbiter
from app.serving.master.options import WORKER_CLASSES
from app.serving.ordered_worker import OrderedWorker
from app.serving.worker_state import Order, Phase, WorkerState
from app.settings import Settings

HUP, INT, QUIT = signal.SIGHUP, signal.SIGINT, signal.SIGQUIT
TERM, TTIN, WINCH = signal.SIGTERM, signal.SIGTTIN, signal.SIGWINCH


@pytest.mark.parametrize(
    ("came", "dealt_with"),
    [
        pytest.param([HUP, HUP, HUP], [HUP], id="one reload for several"),
        pytest.param([HUP, WINCH, HUP], [WINCH, HUP], id="the last reload"),
        pytest.param([TTIN, TTIN], [TTIN, TTIN], id="what counts is counted"),
        pytest.param([TERM, INT], [INT, TERM], id="an interrupt hurries"),
        pytest.param([HUP, TERM, QUIT], [QUIT, HUP, TERM], id="a quit hurries"),
    ],
)
def test_signals_that_came_together_are_dealt_with_by_what_they_want(
    came: list[signal.Signals], dealt_with: list[signal.Signals]
) -> None:
    master = GatewayArbiter.__new__(GatewayArbiter)
    master.SIG_QUEUE = queue.SimpleQueue()
    for number in came:
        master.SIG_QUEUE.put(number)
    assert master.wait_for_signals() == dealt_with


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"worker_class": "sync"}, "-k"),
        ({"worker_class": "gevent"}, "-k"),
        ({"worker_class": "eventlet"}, "-k"),
        ({"worker_class": "gthread", "threads": 4}, "-k"),
        ({"worker_class": WORKER_CLASSES["gevent"], "preload_app": True}, "--preload"),
    ],
)
def test_what_gunicorns_command_line_may_not_choose_is_refused_in_a_sentence(
    settings: dict[str, object], named: str
) -> None:
    """Else the master ends with tracebacks: before the first request, or at the first signal."""
    config = Config()
    for name, value in settings.items():
        config.set(name, value)
    with pytest.raises(SystemExit, match=rf"^The gateway cannot start: .*{named} "):
        GatewayArbiter.__new__(GatewayArbiter).setup(SimpleNamespace(cfg=config))


class ReloadBench(GatewayArbiter):
    """A master of one worker that serves and one that starts; `reads` counts what it has read."""

    def __init__(self) -> None:
        self.reads = 0
        self._num_workers = 1
        self.WORKERS = {1: SimpleNamespace(age=1, state=WorkerState())}
        self.WORKERS[1].state.phase = Phase.SERVING
        self._reloading = self._stopping = self._again = False
        self._outgoing: set[int] = set()
        self._reloaded_at = self._start_after = 0.0
        self._file = None
        self._metrics: Any = SimpleNamespace(set=lambda **_: None)
        self.app = SimpleNamespace(cfg=None)
        self._before = (None, None)

    def _read_conf(self) -> None:
        self.reads += 1

    def _log_line(self, level: str, event: str, **fields: object) -> None:
        """Say nothing."""

    def spawn_worker(self) -> None:
        """Start one that takes its time."""
        number = max(self.WORKERS) + 1
        self.WORKERS[number] = SimpleNamespace(age=number, state=WorkerState())

    def _retire(self, pid: int) -> None:
        self.WORKERS[pid].state.give(Order.RETIRE)

    def begin_serving(self) -> None:
        """Have the youngest worker serve, and the master look."""
        self.WORKERS[max(self.WORKERS)].state.phase = Phase.SERVING
        self.manage_workers()


@pytest.fixture
def master(monkeypatch: pytest.MonkeyPatch) -> ReloadBench:
    monkeypatch.setattr(arbiter, "reloaded_settings", lambda _file: Settings())
    monkeypatch.setattr(arbiter, "activate", lambda _settings: None)
    monkeypatch.setattr(arbiter, "overruling_variables", lambda _settings: [])
    return ReloadBench()


def test_a_reload_waits_for_the_one_before_it_to_serve(master: ReloadBench) -> None:
    master.reload()
    assert (master.reads, len(master.WORKERS)) == (1, 2)
    for _ in range(3):
        master.reload()
        master.manage_workers()
    assert (master.reads, len(master.WORKERS)) == (1, 2)
    master.begin_serving()
    assert (master.reads, len(master.WORKERS)) == (2, 3)  # one for the three that came
    master.begin_serving()
    assert (master.reads, len(master.WORKERS)) == (2, 3)
    assert [each.state.serves for each in master.WORKERS.values()] == [False, False, True]


def test_a_reload_whose_workers_do_not_come_to_serve_is_replaced(
    master: ReloadBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    master.reload()
    master.reload()
    monkeypatch.setattr(arbiter, "READY_S", 0.0)
    master.manage_workers()
    assert master.reads == 2
    assert [each.state.order for each in master.WORKERS.values()] == [
        Order.NONE,
        Order.RETIRE,
        Order.NONE,
    ]


@pytest.mark.parametrize(
    ("phase", "order", "ends"),
    [
        (Phase.STARTING, Order.RETIRE, True),
        (Phase.STARTING, Order.NONE, False),
        (Phase.STARTING, Order.STOP, False),  # who has connected may be its to answer
        (Phase.SERVING, Order.RETIRE, False),
    ],
)
def test_a_worker_that_is_not_needed_ends_before_it_serves(
    monkeypatch: pytest.MonkeyPatch, phase: Phase, order: Order, *, ends: bool
) -> None:
    ended: list[int] = []
    monkeypatch.setattr("os._exit", ended.append)
    worker = OrderedWorker.__new__(OrderedWorker)
    worker.state = WorkerState()
    worker.state.phase = phase
    worker.state.give(order)
    worker._end_unless_needed()
    assert ended == ([0] if ends else [])


def test_workers_that_stood_still_with_their_master_are_spared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    master, now, looks = GatewayArbiter.__new__(GatewayArbiter), [100.0], list[float]()
    master._looked_at, master._spared_until = math.inf, 0.0
    monkeypatch.setattr(arbiter, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(Arbiter, "murder_workers", lambda _: looks.append(now[0]))
    # Each second, but for ten minutes in which nobody ran.
    for now[0] in [100.0, 101.0, 102.0, 702.0, 703.0, 706.0, 707.0, 708.0]:
        master.murder_workers()
    assert looks == [100.0, 101.0, 102.0, 707.0, 708.0]
