"""What it means that there are no file descriptors left."""

from __future__ import annotations

import errno
import os
import resource
import socket

import pytest
from structlog.testing import capture_logs

from app import descriptors
from app.telemetry import occasions
from app.telemetry.occasions import shortage_noted


def test_a_shortage_is_found_behind_what_it_led_to() -> None:
    outer = ConnectionError("could not connect")
    outer.__context__ = ValueError("in between")
    outer.__context__.__cause__ = OSError(errno.EMFILE, "Too many open files")
    assert descriptors.is_shortage(outer)


def test_another_fault_is_none_however_its_chain_goes() -> None:
    fault = OSError(errno.ECONNREFUSED, "Connection refused")
    fault.__context__ = fault
    assert not descriptors.is_shortage(fault)
    assert not descriptors.is_shortage(None)


def test_a_name_that_cannot_be_resolved_is_one_only_where_nothing_can_be_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fault = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    assert not descriptors.is_shortage(fault)
    monkeypatch.setattr(descriptors, "lowest_free", lambda: None)
    assert descriptors.is_shortage(fault)


def test_the_lowest_free_number_is_the_next_ones() -> None:
    free = descriptors.lowest_free()
    descriptor = os.open(os.devnull, os.O_RDONLY)
    os.close(descriptor)
    assert free == descriptor


@pytest.mark.parametrize(("soft", "first"), [(160, 140), (1024, 960), (1 << 20, (1 << 20) - 64)])
def test_a_few_are_kept_for_what_is_under_way(
    monkeypatch: pytest.MonkeyPatch, soft: int, first: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, soft))
    assert descriptors.threshold() == first


def test_a_shortage_is_logged_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(occasions, "monotonic", lambda: now[0])
    monkeypatch.setattr(occasions, "_last", {})
    with capture_logs() as lines:
        for _ in range(100):
            shortage_noted()
        now[0] += occasions.EACH_S
        shortage_noted()
    assert [line["event"] for line in lines] == ["descriptors_exhausted"] * 2
