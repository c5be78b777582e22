"""The `usage` command."""

from __future__ import annotations

import csv
import io
import json

import pytest

from app.cli.usage import usage
from app.domain.accounts.accounts import Caller
from app.domain.accounts.attribution import Attribution
from app.domain.response import Usage
from tests.cli.operating import Operator

NEW_YEAR_2030 = 1_893_456_000.0
USED = Usage(
    input_tokens=10, output_tokens=20, cached_tokens=4, cache_write_tokens=2, reasoning_tokens=5
)


@pytest.fixture
def operator() -> Operator:
    """Return an operator of a gateway whose accounts acme and other were used once a day."""
    operator = Operator()
    operator.clock.now = NEW_YEAR_2030
    for account in ("acme", "other"):
        operator.accounts.create_key(account, by="ops")
        for microusd in (41, None):
            caller = Caller(account=account, key_id=f"key_{account}")
            operator.book.record(caller, "gpt", USED, failed=False, microusd=microusd)
            operator.clock.now += 86_400
        operator.clock.now = NEW_YEAR_2030
    operator.clock.now = NEW_YEAR_2030 + 86_400
    return operator


def test_usage_is_a_table_with_a_total(operator: Operator) -> None:
    titles, first, *_, total = operator.reads(usage).splitlines()
    assert titles.split()[:4] == ["DATE", "ACCOUNT", "KEY", "ID"]
    assert first.split() == [
        "2030-01-01",
        "acme",
        "key_acme",
        "gpt",
        "1",
        "10",
        "4",
        "2",
        "20",
        "5",
        "0",
        "41",
        "0",
    ]
    assert total.split() == ["total", "4", "40", "16", "8", "80", "20", "0", "82", "2"]


def test_a_cost_that_nobody_knows_is_left_empty(operator: Operator) -> None:
    rows = list(csv.DictReader(operator.reads(usage, "--csv").splitlines()))
    assert [(row["cost_microusd"], row["unpriced_requests"]) for row in rows] == [
        ("41", "0"),
        ("", "1"),
        ("41", "0"),
        ("", "1"),
    ]


def test_usage_is_csv(operator: Operator) -> None:
    rows = list(csv.DictReader(operator.reads(usage, "--csv").splitlines()))
    assert [(row["date"], row["account"], row["output_tokens"]) for row in rows] == [
        ("2030-01-01", "acme", "20"),
        ("2030-01-02", "acme", "20"),
        ("2030-01-01", "other", "20"),
        ("2030-01-02", "other", "20"),
    ]


def test_usage_is_json_a_line_each(operator: Operator) -> None:
    lines = [json.loads(line) for line in operator.reads(usage, "--json").splitlines()]
    assert [line["account"] for line in lines] == ["acme", "acme", "other", "other"]


def test_usage_can_be_of_one_account(operator: Operator) -> None:
    lines = operator.reads(usage, "--json", "--account", "other").splitlines()
    assert {json.loads(line)["account"] for line in lines} == {"other"}


def test_an_unknown_account_is_an_error_with_the_remedy(operator: Operator) -> None:
    result = operator.runs(usage, "--account", "acne")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no account 'acne': `accounts list`" in result.stderr


def test_usage_can_be_counted_apart_otherwise(operator: Operator) -> None:
    caller = Caller(account="acme", key_id="key_acme")
    operator.book.record(caller, "gpt", USED, failed=False, attribution=Attribution("bob"))
    rows = list(csv.DictReader(operator.reads(usage, "--csv", "--group-by", "user").splitlines()))
    assert [(row["account"], row["user"], row["requests"]) for row in rows] == [
        ("acme", "", "2"),
        ("acme", "bob", "1"),
        ("other", "", "2"),
    ]
    titles, *_ = operator.reads(usage, "--group-by", "day,user").splitlines()
    assert titles.split()[:4] == ["DATE", "ACCOUNT", "USER", "REQUESTS"]


@pytest.mark.parametrize(
    ("user", "cell"),
    [
        *((user, f"'{user}") for user in ('=HYPERLINK("http://a")', "+1", "-1", "@SUM(1)", "\t=1")),
        ("bob\racme,=1", "bob\ufffdacme,=1"),
        ("bob\n=1", "bob\n=1"),
        ("\x1b[2J\x9b31m\u202ebob", "\ufffd[2J\ufffd31m\ufffdbob"),
    ],
)
def test_no_cell_of_csv_is_a_formula_or_a_row(operator: Operator, user: str, cell: str) -> None:
    caller = Caller(account="acme", key_id="key_acme")
    operator.book.record(caller, "gpt", USED, failed=False, attribution=Attribution(user))
    text = io.StringIO(operator.reads(usage, "--csv", "--group-by", "user"), newline="")
    assert {row["user"] for row in csv.DictReader(text)} == {"", cell}


def test_an_unknown_group_is_an_error(operator: Operator) -> None:
    result = operator.runs(usage, "--group-by", "weather")
    assert result.exit_code == 2
    assert "day, key, model, user, metadata.KEY" in " ".join(result.stderr.split())


def test_usage_can_be_of_some_days(operator: Operator) -> None:
    days = ("--from", "2030-01-01", "--to", "2030-01-01")
    lines = operator.reads(usage, "--json", *days).splitlines()
    assert {json.loads(line)["date"] for line in lines} == {"2030-01-01"}


def test_days_in_the_wrong_order_are_one_line_on_stderr(operator: Operator) -> None:
    result = operator.runs(usage, "--account", "acme", "--from", "2030-02-01")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: 'from' must not be after 'to'")
