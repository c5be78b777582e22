"""What use is counted apart by, and which days a period has."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from app.domain.accounts.attribution import NOBODY, Attribution, UsageGroups, attribution
from app.domain.accounts.usage import UsageLine, summed, usage_day, usage_groups
from app.domain.request import Parameters

MONDAY, TUESDAY = date(2030, 1, 7), date(2030, 1, 8)


def line(user: str | None = None, team: str | None = None, **fields: Any) -> UsageLine:
    to = Attribution(user, (("team", team),) if team else ())
    own = {"account": "acme", "key_id": "key_1", "model": "gpt", "day": MONDAY}
    return UsageLine(**{**own, "requests": 1, "attribution": to, **fields})


LINES = [
    line(),
    line("bob", "a", day=TUESDAY),
    line("bob", "b", model="opus"),
    line("ann", "a", key_id="key_2"),
]


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ("day", {(MONDAY,): 3, (TUESDAY,): 1}),
        ("model", {("gpt",): 3, ("opus",): 1}),
        ("key", {("key_1",): 3, ("key_2",): 1}),
        ("user", {(None,): 1, ("ann",): 1, ("bob",): 2}),
        ("metadata.team", {(None,): 1, ("a",): 2, ("b",): 1}),
        (
            "user,model",
            {("gpt", None): 1, ("gpt", "ann"): 1, ("gpt", "bob"): 1, ("opus", "bob"): 1},
        ),
    ],
)
def test_lines_are_added_up_by_what_they_have_in_common(groups: str, expected: object) -> None:
    by = usage_groups(groups, ["team"])
    counted = {}
    for each in summed(LINES, by).lines():
        of = {"day": each.day, "key": each.key_id, "model": each.model}
        of["user"] = each.attribution.user
        key = [of[name] for name in by.names]
        key += [each.attribution.value(name) for name in by.metadata]
        counted[tuple(key)] = each.requests
    assert counted == expected


def test_accounts_stay_apart() -> None:
    lines = summed([line(), line(account="other")], usage_groups("model", [])).lines()
    assert [each.account for each in lines] == ["acme", "other"]


def test_groups_are_named_once_in_their_order() -> None:
    assert usage_groups("model, metadata.b,day,metadata.a,model", ["a", "b"]) == UsageGroups(
        ("day", "model"), ("b", "a")
    )


@pytest.mark.parametrize("text", ["", "days", "day,", "metadata", "account"])
def test_an_unknown_group_is_refused_with_those_there_are(text: str) -> None:
    with pytest.raises(ValueError, match=r"takes a list of day, key, model, user, metadata.KEY"):
        usage_groups(text, [])


def test_metadata_that_is_not_counted_is_refused_with_the_remedy() -> None:
    with pytest.raises(ValueError, match=r"\[usage\] metadata_keys in gateway.toml"):
        usage_groups("metadata.team", ["cost_center"])


@pytest.mark.parametrize(
    ("text", "is_end", "day"),
    [
        ("2030-01-07", False, MONDAY),
        ("2030-01-07T12:00:00Z", False, MONDAY),
        ("2030-01-07T23:30:00-01:00", False, TUESDAY),
        ("2030-01-08T00:30:00+01:00", False, MONDAY),
        ("2030-01-08T00:30:00 01:00", False, MONDAY),
        ("2030-01-08T00:00:00Z", True, MONDAY),
        ("2030-01-08T00:00:01Z", True, TUESDAY),
        ("2030-01-08", True, TUESDAY),
    ],
)
def test_a_day_is_in_utc(text: str, *, is_end: bool, day: date) -> None:
    assert usage_day(text, is_end=is_end) == day


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2030-02-30", "2030-01-07T12:00:00", "0001-01-01T00:00:00+01:00"]
)
def test_what_is_no_day_and_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        usage_day(text)


def test_a_request_is_put_down_to_its_safety_identifier_before_its_user() -> None:
    both = Parameters(user="old", safety_identifier="new", metadata={"team": "a", "x": "y"})
    assert attribution(both, ("team", "cost_center")) == Attribution("new", (("team", "a"),))
    assert attribution(Parameters(user="old"), ()) == Attribution("old")


@pytest.mark.parametrize("keys", [(), ("team",)])
def test_a_request_without_either_is_put_down_to_nobody(keys: tuple[str, ...]) -> None:
    assert attribution(Parameters(metadata={"x": "y"}), keys) == NOBODY


def test_a_user_s_name_is_bounded_and_can_be_written() -> None:
    user = attribution(Parameters(user="\ud800" + "x" * 1000), ()).user
    assert user is not None
    assert len(user) == 128
    assert user.encode()
