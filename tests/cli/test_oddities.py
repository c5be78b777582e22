"""`doctor` names what a running gateway could not read of its providers' answers."""

from __future__ import annotations

import pytest

from app.cli.doctor import command as doctor
from app.cli.doctor.oddities import counted, oddities
from tests.processes import free_port

PAGE = """\
# HELP gateway_upstream_oddities_total Parts of answers that were left out.
# TYPE gateway_upstream_oddities_total counter
gateway_upstream_oddities_total{kind="usage",provider="house"} 2.0
gateway_upstream_oddities_total{kind="unknown_field",provider="house"} 10.0
gateway_upstream_oddities_total{kind="usage",provider="calm"} 0.0
# HELP gateway_requests_total Requests answered.
# TYPE gateway_requests_total counter
gateway_requests_total{status="200"} 7.0
"""


def test_what_was_counted_is_read_by_provider() -> None:
    assert counted(PAGE) == {"house": {"usage": 2, "unknown_field": 10}}


def test_where_no_gateway_answers_nothing_is_known() -> None:
    assert oddities(f"127.0.0.1:{free_port()}") == {}


def test_doctor_names_the_most_frequent_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "oddities", lambda _bind: counted(PAGE))
    (finding,) = doctor._oddities("127.0.0.1:1")
    assert (finding.what, finding.state) == ("house", "warning")
    assert finding.detail.endswith("unknown_field 10, usage 2")
