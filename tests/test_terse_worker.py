"""A process of several reports what a test came to, and each failure, but no more."""

from __future__ import annotations

from typing import Any

import pytest

from tests.terse_worker import TerseWorker


class Interactor:
    """Stands for xdist's end of a process: what it would send comes into `sent`."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def sendevent(self, name: str, **content: Any) -> None:
        self.sent.append((name, content))


def report(when: Any, outcome: Any = "passed", duration: float = 1.0) -> pytest.TestReport:
    return pytest.TestReport(
        "a", ("a", 0, "a"), {}, outcome, None, when, duration=duration, start=0.0, stop=duration
    )


def test_of_a_test_that_passes_only_its_call_and_its_end_are_sent() -> None:
    interactor = Interactor()
    worker = TerseWorker(interactor)
    call = report("call", duration=2.0)
    interactor.sendevent("logstart", nodeid="a")
    for each in (report("setup"), call, report("teardown")):
        written = worker.pytest_report_to_serializable(each)
        interactor.sendevent("testreport", data={"of": each} if written is None else written)
    interactor.sendevent("logfinish", nodeid="a")
    interactor.sendevent("runtest_protocol_complete", item_index=0)
    assert interactor.sent == [
        ("testreport", {"data": {"of": call}}),
        ("runtest_protocol_complete", {"item_index": 0}),
    ]
    assert call.duration == 3.0


@pytest.mark.parametrize("outcome", ["failed", "skipped"])
@pytest.mark.parametrize("when", ["setup", "call", "teardown"])
def test_whatever_does_not_pass_is_written_as_ever(when: str, outcome: str) -> None:
    worker = TerseWorker(Interactor())
    assert worker.pytest_report_to_serializable(report(when, outcome)) is None
