"""A process that works obeys its master, its signals, and its master's death."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator

import dramatiq
import pytest
from dramatiq.brokers.stub import StubBroker

from app.jobs.process import ORPHAN_S, Channel, WorkerProcess
from app.settings import BackgroundSettings
from tests.processes import until

SETTINGS = BackgroundSettings(drain_s=800, grace_s=25, concurrency=1)


class Broker(StubBroker):
    """A broker without jobs."""

    def __init__(self) -> None:
        super().__init__(middleware=[])
        self.stopped = False

    def stop(self) -> None:
        self.stopped = True


class Drained:
    """A drain that waits for what `enough` allows: `limits` are those that were set."""

    def __init__(self, enough: int = 1) -> None:
        self.begun = threading.Event()
        self.limits: list[float] = []
        self._enough = enough

    def begin(self, within_s: float) -> None:
        self.limits.append(within_s)
        self.begun.set()

    def run(self) -> None:
        until(lambda: len(self.limits) >= self._enough, "all orders")


@pytest.fixture(autouse=True)
def _own() -> Iterator[None]:
    """Give the suite its own signals and broker back."""
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    hup, broker = signal.getsignal(signal.SIGHUP), dramatiq.get_broker()
    yield
    dramatiq.set_broker(broker)
    signal.signal(signal.SIGHUP, hup)
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.fixture
def master() -> Iterator[socket.socket]:
    """The master's end; the process's is its `peer`."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        peers[ours] = theirs
        yield ours


peers: dict[socket.socket, socket.socket] = {}


def process(master: socket.socket, drain: Drained, broker: Broker | None = None) -> WorkerProcess:
    return WorkerProcess(
        broker or Broker(),  # type: ignore[arg-type]
        drain,  # type: ignore[arg-type]
        SETTINGS,
        lambda: 0.5,
        Channel(peers[master]),
    )


def heard(master: socket.socket) -> list[str]:
    peers[master].shutdown(socket.SHUT_WR)
    return master.makefile().read().splitlines()


def test_its_master_hears_when_it_takes_jobs_and_when_no_more(master: socket.socket) -> None:
    master.sendall(b"drain\n")
    broker = Broker()
    process(master, Drained(), broker).run("800", "25")
    said = [line for line in heard(master) if not line.startswith("idle ")]
    assert (said, broker.stopped) == (["ready 800 25", "draining"], True)


def test_its_master_hears_since_when_it_could_have_taken_a_job(master: socket.socket) -> None:
    drain, lines = Drained(), master.makefile()
    threading.Thread(
        target=lambda: [line for line in lines if line == "idle 0.5\n" and _order(master)],
        daemon=True,
    ).start()
    process(master, drain).run()
    assert drain.limits == [SETTINGS.drain_s]


def _order(master: socket.socket) -> bool:
    master.sendall(b"drain\n")
    return True


def test_a_second_order_hurries_it(master: socket.socket) -> None:
    master.sendall(b"drain\nhurry\n")
    drain = Drained(enough=2)
    process(master, drain).run()
    assert drain.limits == [SETTINGS.drain_s, SETTINGS.grace_s]


def test_the_death_of_its_master_gives_it_eight_seconds(
    master: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: list[float] = []
    monkeypatch.setattr("app.jobs.process._end_after", ends.append)
    master.shutdown(socket.SHUT_WR)
    drain = Drained()
    process(master, drain).run()
    until(lambda: bool(ends), "the end to be set")
    assert (drain.limits, ends) == ([ORPHAN_S], [9.0])


@pytest.mark.parametrize(
    ("number", "within_s"),
    [(signal.SIGTERM, SETTINGS.drain_s), (signal.SIGINT, SETTINGS.grace_s)],
)
def test_signals_to_itself_are_obeyed(master: socket.socket, number: int, within_s: float) -> None:
    drain, lines = Drained(), master.makefile()

    def strike() -> None:
        lines.readline()
        os.kill(os.getpid(), signal.SIGHUP)  # its master's alone to see to
        os.kill(os.getpid(), number)

    threading.Thread(target=strike, daemon=True).start()
    process(master, drain).run()
    assert drain.limits == [within_s]


def test_what_gives_up_by_itself_is_told_to_the_master(master: socket.socket) -> None:
    drain = Drained()
    threading.Timer(0.0, lambda: drain.begin(1)).start()
    process(master, drain).run()
    assert "draining" in heard(master)
