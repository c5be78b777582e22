"""What a caller may ask for, before anything is looked up or paid for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.accounts.accounts import Caller
from app.domain.request import CreateRequest
from app.errors import GatewayError, InvalidRequest, PermissionDenied, StorageUnavailable
from app.services.accounts.permissions import (
    permitted,
    refuse_read_only,
    refuse_unstored,
    well_formed,
)

CALLER = Caller(account="acme", key_id="key_1")
ASKED = CreateRequest(model="m", input=())
IN_BACKGROUND = replace(ASKED, background=True)
IN_CONVERSATION = replace(ASKED, store=False, conversation="conv_1")
UNSTORED = replace(ASKED, store=False)


def test_an_ordinary_request_is_left_as_it_is() -> None:
    assert permitted(CALLER, ASKED) == ASKED


@pytest.mark.parametrize(
    ("who", "what", "error", "param"),
    [
        (replace(CALLER, read_only=True), ASKED, PermissionDenied, None),
        (replace(CALLER, background=False), IN_BACKGROUND, PermissionDenied, "background"),
        (replace(CALLER, force_no_store=True), IN_BACKGROUND, InvalidRequest, "background"),
        (replace(CALLER, force_no_store=True), IN_CONVERSATION, InvalidRequest, "conversation"),
        (replace(CALLER, retention_days=0), IN_BACKGROUND, InvalidRequest, "background"),
        (replace(CALLER, retention_days=0), IN_CONVERSATION, InvalidRequest, "conversation"),
        (replace(CALLER, stale=True), ASKED, StorageUnavailable, None),
    ],
    ids=[
        "read-only key",
        "no background",
        "background unstored",
        "conversation",
        "background kept for 0 days",
        "conversation kept for 0 days",
        "store away",
    ],
)
def test_what_a_key_may_not_do_is_refused(
    who: Caller, what: CreateRequest, error: type[GatewayError], param: str | None
) -> None:
    with pytest.raises(error) as caught:
        permitted(who, what)
    assert caught.value.param == param
    assert caught.value.code == ("unsupported_value" if error is InvalidRequest else error.code)


def test_a_conversation_is_refused_where_nothing_may_be_stored() -> None:
    may_not = replace(CALLER, force_no_store=True)
    refuse_unstored(CALLER)
    with pytest.raises(PermissionDenied, match="send the items"):
        refuse_unstored(may_not)
    for store in (True, False):
        with pytest.raises(InvalidRequest, match="conversation"):
            permitted(may_not, replace(IN_CONVERSATION, store=store))


def test_an_account_that_stores_nothing_has_its_requests_unstored() -> None:
    assert not permitted(replace(CALLER, force_no_store=True), ASKED).store


@pytest.mark.parametrize(
    ("own", "of_account", "holds"),
    [(None, None, None), (None, 30, 30), (7, 30, 7), (90, 30, 90), (7, None, 7), (7, 0, 7)],
)
def test_a_requests_retention_comes_before_its_accounts(
    own: int | None, of_account: int | None, holds: int | None
) -> None:
    caller = replace(CALLER, retention_days=of_account)
    assert permitted(caller, replace(ASKED, retention_days=own)).retention_days == holds


def test_an_account_that_keeps_nothing_has_its_requests_unstored() -> None:
    caller = replace(CALLER, retention_days=0)
    assert permitted(caller, ASKED) == replace(ASKED, store=False, retention_days=0)
    with pytest.raises(InvalidRequest, match="retention_days"):
        permitted(caller, IN_BACKGROUND)


def test_what_is_not_stored_has_no_retention() -> None:
    assert permitted(replace(CALLER, retention_days=30), UNSTORED) == UNSTORED


def test_an_unstored_request_goes_on_while_the_store_is_away() -> None:
    assert permitted(replace(CALLER, stale=True), UNSTORED) == UNSTORED


def test_who_may_write_is_not_refused() -> None:
    refuse_read_only(CALLER)


@pytest.mark.parametrize("response_id", ["", "resp_", "resp_a/b", "msg_1", "resp_\n", "resp_ü"])
def test_a_malformed_id_is_named(response_id: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        well_formed(response_id)
    assert (caught.value.code, caught.value.param) == ("invalid_response_id", "response_id")


def test_a_well_formed_id_is_left_as_it_is() -> None:
    assert well_formed("resp_a-B_1") == "resp_a-B_1"
