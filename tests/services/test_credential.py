"""A credential that is read again: when, how often, and what a failure leaves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from app.providers.keys.credentials import CredentialUnreadable, read_credential
from app.services.upstreams.keys import credential as module
from app.services.upstreams.keys.credential import AGAIN_S, Credential, Renewable
from app.services.upstreams.keys.renewals import Renewals
from app.settings import KeySource
from tests.services.clocks import Clock

COMMAND = KeySource(command=("vault",))


class CredentialBench:
    """A credential that is read at once, unless `runs` is false: then `run` does it.

    `prints` is what its command prints, or how it fails; `used` are the keys that were used.
    """

    def __init__(self, source: KeySource = COMMAND, api_key: str | None = "old") -> None:
        self.clock = Clock()
        self.prints: str | Exception = "old"
        self.reads = 0
        self.used: list[str] = []
        self.changes = 0
        self.runs = True
        self.tasks: list[Callable[[], None]] = []
        renewable = Renewable(
            provider="acme",
            key="eu",
            source=source,
            refresh_s=300,
            api_key=api_key,
            read_at=self.clock(),
            use=self.used.append,
        )
        self.credential = Credential(renewable, self.clock, read=self.read, spawn=self.spawn)
        self.credential.changed = self.count_change

    def count_change(self) -> None:
        self.changes += 1

    def read(self, source: KeySource) -> str:
        self.reads += 1
        if source.file is not None:
            return read_credential(source)
        if isinstance(self.prints, Exception):
            raise self.prints
        return self.prints

    def spawn(self, task: Callable[[], None]) -> None:
        if self.runs:
            task()
        else:
            self.tasks.append(task)


def reads(outcome: str) -> float:
    labels = {"provider": "acme", "key": "eu", "outcome": outcome}
    return REGISTRY.get_sample_value("gateway_upstream_key_reads_total", labels) or 0.0


# Commands


def test_a_command_is_run_when_it_is_due_and_not_before() -> None:
    bench = CredentialBench()
    bench.clock.now += 299
    bench.credential.look()
    assert bench.reads == 0
    bench.clock.now += 1
    bench.prints = "new"
    bench.credential.look()
    assert (bench.used, bench.changes, bench.credential.version) == (["new"], 1, 1)
    bench.credential.look()
    assert bench.reads == 1


def test_the_same_key_again_is_no_change() -> None:
    bench = CredentialBench()
    before = reads("unchanged")
    bench.clock.now += 300
    bench.credential.look()
    assert (bench.used, bench.changes, reads("unchanged") - before) == ([], 0, 1)


def test_one_run_at_a_time() -> None:
    bench = CredentialBench()
    bench.runs = False
    bench.clock.now += 300
    bench.credential.look()
    bench.clock.now += 300
    bench.credential.look()
    assert not bench.credential.renew(0, 0.0)
    assert len(bench.tasks) == 1


def test_a_command_that_fails_leaves_the_key_and_is_run_again_soon() -> None:
    bench = CredentialBench()
    before = reads("failed")
    bench.prints = CredentialUnreadable("ended with status 3")
    bench.clock.now += 300
    with capture_logs() as lines:
        bench.credential.look()
    assert (bench.used, bench.credential.version, reads("failed") - before) == ([], 0, 1)
    (line,) = lines
    assert line == {
        "event": "upstream_key_unreadable",
        "log_level": "error",
        "provider": "acme",
        "upstream_key": "eu",
        "reason": "ended with status 3",
    }
    bench.prints = "new"
    bench.clock.now += AGAIN_S
    bench.credential.look()
    assert bench.used == ["new"]


def test_a_bug_in_reading_leaves_the_key_and_the_next_reading_is_made() -> None:
    bench = CredentialBench()
    bench.prints = ZeroDivisionError()
    bench.clock.now += 300
    with capture_logs() as lines:
        bench.credential.look()
    assert {each["event"] for each in lines} == {"unexpected_error", "upstream_key_unreadable"}
    bench.prints = "new"
    bench.clock.now += AGAIN_S
    bench.credential.look()
    assert bench.used == ["new"]


# Refusals


def test_a_refused_key_is_read_again_and_found_changed() -> None:
    bench = CredentialBench()
    bench.prints = "new"
    assert bench.credential.renew(0, 1.0)
    assert bench.used == ["new"]


def test_a_key_that_was_changed_meanwhile_is_not_read_again() -> None:
    bench = CredentialBench()
    bench.prints = "new"
    bench.credential.renew(0, 1.0)
    assert bench.credential.renew(0, 1.0)
    assert bench.reads == 1


def test_refusals_of_a_key_that_stays_do_not_run_its_command_again_and_again() -> None:
    bench = CredentialBench()
    assert not any(bench.credential.renew(0, 1.0) for _ in range(5))
    assert bench.reads == 1
    bench.clock.now += AGAIN_S
    bench.credential.renew(0, 1.0)
    assert bench.reads == 2


def test_what_is_under_way_is_waited_for_together() -> None:
    bench = CredentialBench()
    bench.runs, bench.prints = False, "new"
    found: list[bool] = []
    threads = [
        threading.Thread(target=lambda: found.append(bench.credential.renew(0, 60.0)))
        for _ in range(3)
    ]
    for each in threads:
        each.start()
    while not bench.tasks:
        pass
    bench.tasks.pop()()
    for each in threads:
        each.join()
    assert (found, bench.reads) == ([True] * 3, 1)


def test_a_pool_does_not_wait() -> None:
    bench = CredentialBench()
    bench.runs = False
    assert not bench.credential.renew(0, 0.0)
    assert len(bench.tasks) == 1


def test_a_key_that_nobody_has_read_is_read_for_the_first_call() -> None:
    bench = CredentialBench(api_key=None)
    assert not bench.credential.is_known
    bench.prints = CredentialUnreadable("ended with status 3")
    for _ in range(2):
        assert not bench.credential.renew(0, 1.0)
    bench.prints = "first"
    assert bench.credential.renew(0, 1.0)
    assert bench.credential.is_known


def test_a_process_without_a_thread_to_spare_tries_again() -> None:
    bench = CredentialBench()

    def no_thread(_task: Callable[[], None]) -> None:
        raise RuntimeError("can't start new thread")

    broken = Credential(bench.credential._renewable, bench.clock, read=bench.read, spawn=no_thread)
    assert not broken.renew(0, 60.0)
    bench.clock.now += AGAIN_S
    assert not broken.renew(0, 60.0)


# Files


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text("old")
    return path


def test_a_file_is_read_when_it_has_changed(file: Path) -> None:
    bench = CredentialBench(KeySource(file))
    bench.credential.look()  # it may have changed since it was read for the settings
    bench.credential.look()
    assert (bench.reads, bench.used) == (1, [])
    file.write_text("another")
    bench.credential.look()
    bench.credential.look()
    assert (bench.reads, bench.used) == (2, ["another"])


def test_a_mounted_secret_changes_by_its_link(file: Path) -> None:
    first, second = file.with_name("1"), file.with_name("2")
    file.rename(first)
    second.write_text("new")
    file.symlink_to(first)
    bench = CredentialBench(KeySource(file))
    bench.credential.look()
    link = file.with_name("link")
    link.symlink_to(second)
    link.rename(file)
    bench.credential.look()
    assert bench.used == ["new"]


@pytest.mark.parametrize("content", [None, "", "half a key"])
def test_a_file_that_holds_no_key_leaves_the_old_one(file: Path, content: str | None) -> None:
    bench = CredentialBench(KeySource(file))
    bench.credential.look()
    file.unlink()
    if content is not None:
        file.write_text(content)
    with capture_logs() as lines:
        for _ in range(3):
            bench.credential.look()
    assert [each["event"] for each in lines] == ["upstream_key_unreadable"]
    assert bench.used == []
    file.write_text("new")
    bench.credential.look()
    assert bench.used == ["new"]


def test_a_refusal_finds_a_file_that_was_not_looked_at_yet(file: Path) -> None:
    bench = CredentialBench(KeySource(file))
    bench.credential.look()
    assert not bench.credential.renew(0, 0.0)
    assert bench.reads == 1
    file.write_text("another")
    assert bench.credential.renew(0, 0.0)


# All of a process


def test_all_are_looked_at_though_one_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = CredentialBench(), CredentialBench()

    def bug() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(first.credential, "look", bug)
    second.prints = "new"
    second.clock.now += 300
    with capture_logs():
        Renewals([first.credential, second.credential]).look()
    assert second.used == ["new"]
    assert not Renewals([])


def test_a_key_is_read_beside_the_request() -> None:
    seen = threading.Event()
    module.spawn(seen.set)
    assert seen.wait(60)
