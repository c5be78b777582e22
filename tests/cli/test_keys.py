"""The `keys` commands."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from app.cli.keys import keys
from app.domain.accounts.accounts import UNLIMITED, Allowance, Permissions
from app.domain.accounts.api_keys import is_well_formed
from app.errors import Unauthenticated
from app.settings import CostBudget
from tests.cli.operating import Operator


@pytest.fixture
def operator() -> Operator:
    return Operator()


def test_create_prints_the_key_and_nothing_else(operator: Operator) -> None:
    assert is_well_formed(operator.reads(keys, "create", "--account", "acme").removesuffix("\n"))


def test_create_tells_the_id_beside_the_result(operator: Operator) -> None:
    result = operator.runs(keys, "create", "--account", "acme")
    assert re.search(r"key_\w+ of account acme", result.stderr)


def test_create_prints_id_key_and_account_as_json(operator: Operator) -> None:
    made = operator.reads_json(keys, "create", "--account", "acme")
    assert list(made)[:3] == ["id", "key", "account"]


def test_a_created_key_opens_its_account(operator: Operator) -> None:
    made = operator.reads_json(keys, "create", "--account", "acme")
    caller = operator.accounts.authenticate(made["key"])
    assert (caller.account, caller.key_id) == ("acme", made["id"])


def test_create_takes_every_permission(operator: Operator) -> None:
    options = [
        "--models",
        "gpt-*,o1",
        "--rpm",
        "1",
        "--rpd",
        "2",
        "--tpm",
        "3",
        "--max-in-flight",
        "unlimited",
        "--budget",
        "50/month",
    ]
    flags = ["--read-only", "--no-background", "--no-store", "--unsupported-tools", "drop"]
    flags += ["--hosted-tools", "mcp, web_search"]
    operator.reads(keys, "create", "--account", "acme", *options, *flags)
    assert operator.accounts.keys()[0].permissions == Permissions(
        models=("gpt-*", "o1"),
        read_only=True,
        background=False,
        force_no_store=True,
        unsupported_tools="drop",
        hosted_tools=("web_search", "mcp"),
        limits=Allowance(
            requests_per_minute=1,
            requests_per_day=2,
            tokens_per_minute=3,
            max_in_flight=UNLIMITED,
            budgets=(CostBudget(50_000_000, "month"),),
        ),
    )


@pytest.mark.parametrize(
    ("date", "at"),
    [
        ("2030-01-31", 1896048000),
        ("2030-01-31T12:00", 1896091200),
        ("2030-01-31T12:00+02:00", 1896084000),
    ],
)
def test_create_takes_a_date(operator: Operator, date: str, at: int) -> None:
    made = operator.reads_json(keys, "create", "--account", "acme", "--expires", date)
    assert made["expires_at"] == at


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--expires", "tomorrow"),
        ("--expires", "9999-12-31T23:59-12:00"),  # in UTC that is the year 10000
        ("--rpm", "0"),
        ("--rpm", "many"),
        ("--rpm", str(2**60)),
        ("--models", "a,,b"),
        ("--budget", "-1/month"),
        ("--budget", "default"),
        ("--unsupported-tools", "keep"),
        ("--hosted-tools", "websearch"),
        ("--hosted-tools", "all,mcp"),
    ],
)
def test_create_refuses_what_it_cannot_read(operator: Operator, option: str, value: str) -> None:
    result = operator.runs(keys, "create", "--account", "acme", option, value)
    assert result.exit_code == 2
    assert option in result.stderr


@pytest.mark.parametrize("name", ["tab\there", "n" * 101])
def test_create_refuses_a_name_that_would_spoil_the_list(operator: Operator, name: str) -> None:
    result = operator.runs(keys, "create", "--account", "acme", "--name", name)
    assert result.exit_code == 1
    assert "A key's name" in result.stderr


def test_create_refuses_a_date_in_the_past(operator: Operator) -> None:
    result = operator.runs(keys, "create", "--account", "acme", "--expires", "2001-01-01")
    assert result.exit_code == 1
    assert "past" in result.stderr


def test_a_refused_name_is_one_line_on_stderr(operator: Operator) -> None:
    result = operator.runs(keys, "create", "--account", "a b")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: An account's name")


def test_list_shows_keys_but_no_secret_and_no_hash(operator: Operator) -> None:
    made = operator.reads_json(keys, "create", "--account", "acme", "--name", "ci")
    sha256 = operator.accounts.keys()[0].secrets[0].sha256
    shown = operator.reads(keys, "list") + operator.reads(keys, "list", "--json")
    assert made["id"] in shown
    assert made["key"] not in shown
    assert sha256 not in shown


def test_list_is_a_table(operator: Operator) -> None:
    made = operator.reads_json(keys, "create", "--account", "acme", "--models", "o1,o3")
    titles, row = operator.reads(keys, "list").splitlines()
    assert titles.split()[:4] == ["ID", "ACCOUNT", "NAME", "STATE"]
    assert row.split()[:4] == [made["id"], "acme", "-", "active"]
    assert row.endswith("o1,o3")


def test_list_can_be_of_one_account(operator: Operator) -> None:
    operator.reads(keys, "create", "--account", "acme")
    operator.reads(keys, "create", "--account", "other")
    assert [key["account"] for key in operator.reads_json(keys, "list", "--account", "acme")] == [
        "acme"
    ]


def test_deactivate_and_activate_print_the_state(operator: Operator) -> None:
    key_id = operator.reads_json(keys, "create", "--account", "acme")["id"]
    assert operator.reads(keys, "deactivate", key_id) == f"{key_id} inactive\n"
    assert operator.reads(keys, "activate", key_id) == f"{key_id} active\n"


def test_deactivate_prints_json(operator: Operator) -> None:
    key_id = operator.reads_json(keys, "create", "--account", "acme")["id"]
    assert operator.reads_json(keys, "deactivate", key_id)["active"] is False


def test_an_unknown_key_is_one_line_on_stderr(operator: Operator) -> None:
    result = operator.runs(keys, "activate", "key_none")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: Key 'key_none' not found.\n"


@pytest.mark.parametrize(
    ("overlap", "seconds"), [("90s", 90), ("30m", 1800), ("24h", 86400), ("7d", 604800)]
)
def test_rotate_takes_an_overlap(operator: Operator, overlap: str, seconds: int) -> None:
    key_id = operator.reads_json(keys, "create", "--account", "acme")["id"]
    operator.accounts._clock = lambda: 1_000
    rotated = operator.reads_json(keys, "rotate", key_id, "--overlap", overlap)
    assert [secret["expires_at"] for secret in rotated["secrets"]] == [1_000 + seconds, None]


def test_rotate_without_overlap_closes_the_old_secret(operator: Operator) -> None:
    made = operator.reads_json(keys, "create", "--account", "acme")
    new = operator.reads(keys, "rotate", made["id"], "--overlap", "0s").strip()
    assert operator.accounts.authenticate(new).key_id == made["id"]
    with pytest.raises(Unauthenticated):
        operator.accounts.authenticate(made["key"])


def test_rotate_refuses_what_is_no_duration(operator: Operator) -> None:
    assert operator.runs(keys, "rotate", "key_1", "--overlap", "a day").exit_code == 2


# update, show


def made(operator: Operator, *options: str) -> str:
    key_id: str = operator.reads_json(keys, "create", "--account", "acme", *options)["id"]
    return key_id


def test_update_changes_what_is_named_and_nothing_else(operator: Operator) -> None:
    key_id = made(operator, "--name", "one", "--rpm", "5", "--models", "gpt-*", "--read-only")
    before = operator.accounts.key(key_id)
    operator.reads(keys, "update", key_id, "--budget", "5/day", "--tpm", "9", "--no-background")
    after = operator.accounts.key(key_id)
    limits = replace(
        before.permissions.limits,
        tokens_per_minute=9,
        budgets=(CostBudget(5_000_000, "day"),),
    )
    assert after == replace(
        before,
        revision=2,
        permissions=replace(before.permissions, limits=limits, background=False),
    )


def test_update_takes_every_option_back(operator: Operator) -> None:
    options = ("--models", "gpt-*", "--rpm", "5", "--budget", "5/day", "--expires", "2099-01-01")
    tools, all_tools = ("--hosted-tools", "none"), ("--hosted-tools", "all")
    flags = ("--read-only", "--no-background", "--no-store", "--unsupported-tools", "drop")
    key_id = made(operator, "--name", "one", *options, *flags, *tools)
    back = ("--models", "*", "--rpm", "default", "--budget", "default", "--expires", "never")
    flags = ("--read-write", "--background", "--store", "--unsupported-tools", "default")
    operator.reads(keys, "update", key_id, "--name", "", *back, *flags, *all_tools)
    key = operator.accounts.key(key_id)
    assert (key.permissions, key.expires_at, key.name) == (Permissions(), None, "")


def test_update_without_options_changes_nothing(operator: Operator) -> None:
    key_id = made(operator)
    operator.reads(keys, "update", key_id)
    assert operator.accounts.key(key_id).revision == 1


def test_update_is_in_the_audit_log(operator: Operator) -> None:
    key_id = made(operator)
    operator.reads(keys, "update", key_id, "--rpm", "1")
    last = list(operator.accounts.audit())[-1]
    assert (last.action, last.subject) == ("key.update", key_id)


@pytest.mark.parametrize(
    ("options", "status"),
    [
        (("--budget", "-1/day"), 2),
        (("--rpm", "0"), 2),
        (("--expires", "2001-01-01"), 1),
        (("--name", "tab\there"), 1),
    ],
)
def test_update_refuses_what_makes_no_sense(
    operator: Operator, options: tuple[str, ...], status: int
) -> None:
    key_id = made(operator)
    assert operator.runs(keys, "update", key_id, *options).exit_code == status
    assert operator.accounts.key(key_id).revision == 1


@pytest.mark.parametrize("command", ["update", "show"])
def test_an_unknown_key_is_an_error(operator: Operator, command: str) -> None:
    result = operator.runs(keys, command, "key_nobody")
    assert (result.exit_code, result.stderr) == (1, "Error: Key 'key_nobody' not found.\n")


def test_show_prints_moments_and_lists_as_other_tables_do(operator: Operator) -> None:
    expires, models = "2099-12-31", "gpt-*,local/*"
    words = ("--account", "acme", "--expires", expires, "--models", models, "--read-only")
    new = operator.reads_json(keys, "create", *words)
    table = operator.reads(keys, "show", new["id"]).splitlines()
    cells = {line[:21].strip(): line[21:].strip() for line in table}
    assert cells["expires at"] == f"{expires}T00:00Z"
    assert (cells["models"], cells["read only"], cells["budget"]) == ("gpt-*, local/*", "yes", "-")


def test_show_says_when_the_key_was_last_used_as_the_list_does(operator: Operator) -> None:
    new = operator.reads_json(keys, "create", "--account", "acme")
    operator.accounts.authenticate(new["key"])
    (listed,) = operator.reads_json(keys, "list")
    assert listed["last_used_at"] is not None
    assert operator.reads_json(keys, "show", new["id"])["last_used_at"] == listed["last_used_at"]


def test_show_prints_a_key_and_never_its_secret(operator: Operator) -> None:
    new = operator.reads_json(keys, "create", "--account", "acme", "--budget", "5/day,9/total")
    shown = operator.reads_json(keys, "show", new["id"])
    assert (shown["id"], shown["limits"]["budget"]) == (new["id"], "5/day,9/total")
    table = operator.reads(keys, "show", new["id"])
    assert "5/day,9/total" in table
    assert new["key"] not in table + str(shown)
