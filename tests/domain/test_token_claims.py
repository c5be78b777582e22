"""What claims become: accounts that cannot be mixed up, and ids that tell nobody's name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.accounts.accounts import Allowance, is_account_name
from app.domain.accounts.tokens import BadClaim, account_of, grant_of
from app.settings import CostBudget, IssuerSettings

CORP = IssuerSettings(name="corp", issuer="https://i", audience=("a",))
VALUES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=150)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("alice", "corp~alice"),
        ("alice@example.com", "corp~alice@example.com"),
        ("system:serviceaccount:ns:name", "corp~system~3Aserviceaccount~3Ans~3Aname"),
        ("auth0|5f7c8ec7c33c6c004bbafe82", "corp~auth0~7C5f7c8ec7c33c6c004bbafe82"),
        ("a~b", "corp~a~7Eb"),
        ("{acme}\n", "corp~~7Bacme~7D~0A"),
        ("zoë", "corp~zo~C3~AB"),
        ("-", "corp~-"),
    ],
)
def test_odd_characters_are_written_in_hexadecimal(value: str, name: str) -> None:
    assert account_of(value, CORP) == name


def test_a_long_value_gives_way_to_its_hash() -> None:
    one, other = account_of("x" * 500, CORP), account_of("x" * 501, CORP)
    assert one != other
    assert len(one) == len(other) == len("corp~") + 100


@given(VALUES, VALUES)
def test_no_two_values_become_one_account(one: str, other: str) -> None:
    assert (account_of(one, CORP) == account_of(other, CORP)) == (one == other)


@given(VALUES)
def test_no_account_of_a_key_is_called_like_a_tokens(value: str) -> None:
    name = account_of(value, CORP)
    assert not is_account_name(name)
    assert len(name) <= 128
    assert name.isascii()
    assert not {*"{}:/ \n"} & {*name}


def claims(**more: object) -> dict[str, Any]:
    return {"sub": "alice", "exp": 1000, **more}


def test_a_path_leads_to_a_claim_inside_of_others() -> None:
    cluster = IssuerSettings(
        name="k8s",
        issuer="https://k",
        audience=("a",),
        account_claim=("kubernetes.io", "namespace"),
    )
    inside = {"namespace": "team-a", "pod": {"name": "p"}}
    grant = grant_of(claims(**{"kubernetes.io": inside}), cluster)
    assert grant.account == "k8s~team-a"
    for missing in ({}, {"kubernetes.io": "x"}, {"kubernetes.io": {"namespace": None}}):
        with pytest.raises(BadClaim, match="account_claim"):
            grant_of(claims(**missing), cluster)


def test_holders_in_one_account_have_ids_of_their_own() -> None:
    team = IssuerSettings(name="corp", issuer="https://i", audience=("a",), account_claim=("org",))
    one, other = (grant_of(claims(sub=sub, org="acme"), team) for sub in ("alice", "bob"))
    assert one.account == other.account == "corp~acme"
    assert one.key_id != other.key_id
    assert ":" not in one.key_id


def test_every_limit_of_a_key_can_stand_in_a_claim() -> None:
    limited = IssuerSettings(name="c", issuer="i", audience=("a",), limits_claim=("l",))
    bounds = {
        "requests_per_minute": 1,
        "requests_per_day": 2,
        "tokens_per_minute": 3,
        "max_in_flight": 4,
    }
    grant = grant_of(claims(l={**bounds, "budget": "5/day"}), limited)
    budgets = (CostBudget(5_000_000, "day"),)
    assert grant.permissions.limits == Allowance(**bounds, budgets=budgets)
    assert grant.expires_at == 1030
