"""The `accounts` and `audit` commands."""

from __future__ import annotations

import getpass
import json
import os

import pytest

from app.cli.accounts import accounts, audit
from app.cli.common.group import operator as who
from app.cli.keys import keys
from app.errors import StorageUnavailable
from tests.cli.operating import Operator
from tests.memory_stores.accounts import MemoryAccountStore


@pytest.fixture
def operator() -> Operator:
    """Return an operator of a gateway with one account, acme."""
    operator = Operator()
    operator.accounts.create_key("acme", by="ops")
    return operator


def test_list_is_a_table(operator: Operator) -> None:
    operator.reads(accounts, "set-limits", "acme", "--rpm", "5", "--tpm", "unlimited")
    _, row = operator.reads(accounts, "list").splitlines()
    cells = row.split()
    assert cells[:2] == ["acme", "active"]
    assert cells[3:] == ["yes", "5", "default", "unlimited", *["default"] * 4]


def test_list_prints_json(operator: Operator) -> None:
    (account,) = operator.reads_json(accounts, "list")
    assert (account["name"], account["active"], account["no_store"]) == ("acme", True, False)


def test_disable_and_enable_print_the_state(operator: Operator) -> None:
    assert operator.reads(accounts, "disable", "acme") == "acme disabled\n"
    assert operator.reads(accounts, "enable", "acme") == "acme active\n"


def test_an_unknown_account_is_one_line_on_stderr(operator: Operator) -> None:
    result = operator.runs(accounts, "disable", "nobody")
    assert (result.exit_code, result.stderr) == (1, "Error: Account 'nobody' not found.\n")


def test_set_limits_leaves_what_is_not_named(operator: Operator) -> None:
    operator.reads(accounts, "set-limits", "acme", "--rpd", "7", "--no-store")
    changed = operator.reads_json(accounts, "set-limits", "acme", "--max-stored-bytes", "9")
    assert changed["limits"]["requests_per_day"] == 7
    assert changed["no_store"] is True
    assert changed["max_stored_bytes"] == 9


@pytest.mark.parametrize(
    ("given", "shown"), [("30", 30), ("0", 0), ("365", 365), ("none", "none"), ("default", None)]
)
def test_set_limits_says_for_how_long_responses_are_kept(
    operator: Operator, given: str, shown: object
) -> None:
    operator.reads(accounts, "set-limits", "acme", "--retention-days", "7")
    changed = operator.reads_json(accounts, "set-limits", "acme", "--retention-days", given)
    assert changed["retention_days"] == shown
    (listed,) = operator.reads_json(accounts, "list")
    assert listed["retention_days"] == shown
    row = operator.reads(accounts, "list").splitlines()[-1].split()
    assert row[-2] == str(shown or given)


@pytest.mark.parametrize("given", ["366", "-1", "a month", "1.5", ""])
def test_no_other_retention_is_taken(operator: Operator, given: str) -> None:
    result = operator.runs(accounts, "set-limits", "acme", "--retention-days", given)
    assert result.exit_code == 2
    assert "0 to 365" in result.stderr


def test_set_limits_can_return_to_the_default(operator: Operator) -> None:
    operator.reads(accounts, "set-limits", "acme", "--max-in-flight", "unlimited")
    changed = operator.reads_json(accounts, "set-limits", "acme", "--max-in-flight", "default")
    assert changed["limits"]["max_in_flight"] is None


def test_set_limits_can_allow_storing_again(operator: Operator) -> None:
    operator.reads(accounts, "set-limits", "acme", "--no-store")
    assert operator.reads_json(accounts, "set-limits", "acme", "--store")["no_store"] is False


def test_export_prints_a_line_for_every_entry(operator: Operator) -> None:
    operator.reads(accounts, "disable", "acme")
    lines = [json.loads(line) for line in operator.reads(audit, "export").splitlines()]
    assert [line["action"] for line in lines] == ["account.create", "key.create", "account.disable"]


def test_commands_are_signed_with_user_and_host(operator: Operator) -> None:
    made = operator.reads_json(keys, "create", "--account", "acme")
    entry = json.loads(operator.reads(audit, "export").splitlines()[-1])
    assert (entry["subject"], entry["by"]) == (made["id"], who())


def test_behind_sudo_it_is_who_called_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "alice")
    assert who().startswith("alice@")


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise OSError("no entry")

    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setattr(getpass, "getuser", nameless)
    assert who().startswith(f"{os.getuid()}@")


def test_a_store_that_is_away_is_one_line_on_stderr() -> None:
    class Away(MemoryAccountStore):
        def account(self, name: str) -> None:
            raise StorageUnavailable(f"no {name} now")

    result = Operator(Away()).runs(keys, "create", "--account", "acme")
    assert (result.exit_code, result.stderr) == (1, "Error: no acme now\n")


def test_set_limits_takes_a_budget(operator: Operator) -> None:
    operator.reads(accounts, "set-limits", "acme", "--rpm", "5")
    changed = operator.reads_json(accounts, "set-limits", "acme", "--budget", "50/month, 5.5/day")
    assert (changed["limits"]["budget"], changed["limits"]["requests_per_minute"]) == (
        "50/month,5.5/day",
        5,
    )
    lifted = operator.reads_json(accounts, "set-limits", "acme", "--budget", "unlimited")
    assert lifted["limits"]["budget"] == "unlimited"
    again = operator.reads_json(accounts, "set-limits", "acme", "--budget", "default")
    assert again["limits"]["budget"] is None


@pytest.mark.parametrize("budget", ["-5/month", "5", "5/week", "five/day"])
def test_set_limits_refuses_what_is_no_budget(operator: Operator, budget: str) -> None:
    result = operator.runs(accounts, "set-limits", "acme", "--budget", budget)
    assert result.exit_code == 2
    assert "AMOUNT/PERIOD such as 50/month" in " ".join(result.stderr.split())
