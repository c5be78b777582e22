"""Whose key this is, how long that is remembered, and what happens without the store."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from app.domain.accounts.accounts import Caller, Permissions
from app.domain.accounts.api_keys import format_secret
from app.errors import GatewayError, StorageUnavailable, Unauthenticated
from app.services.accounts.authentication import Authenticator, bad_key
from app.services.accounts.service import Accounts
from app.settings import LimitSettings
from tests.memory_stores.accounts import MemoryAccountStore
from tests.services.account_stores import TestbedAccountStore
from tests.services.clocks import Clock


class House:
    """One store, the process of an operator, and the one that serves; `secret` opens a key."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.store = TestbedAccountStore()
        self.operator = Accounts(self.store, LimitSettings(), clock=self.clock)
        self.server = Accounts(
            self.store,
            LimitSettings(requests_per_minute=60),
            clock=self.clock,
            monotonic=self.clock,
        )
        self.key, self.secret = self.operator.create_key("acme", by="ops")

    def known(self) -> House:
        """Have the key looked up, remembered and its use written down."""
        self.server.authenticate(self.secret)
        self.store.look_ups = 0
        return self


@pytest.fixture
def house() -> House:
    return House()


def complaint(accounts: Accounts, secret: str | None) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        accounts.authenticate(secret)
    return caught.value


def test_a_key_opens_its_account(house: House) -> None:
    caller = house.server.authenticate(house.secret)
    assert (caller.account, caller.key_id, caller.stale) == ("acme", house.key.id, False)


def test_a_caller_carries_permissions_and_limits(house: House) -> None:
    permissions = Permissions(models=("gpt-*",), read_only=True, unsupported_tools="drop")
    _, secret = house.operator.create_key("acme", permissions=permissions, by="ops")
    caller = house.server.authenticate(secret)
    assert caller.read_only
    assert caller.unsupported_tools == "drop"
    assert not caller.may_use("o1")
    assert caller.account_limits.requests_per_minute == 60


@pytest.mark.parametrize("nothing", [None, ""])
def test_without_a_key_one_is_asked_for(house: House, nothing: str | None) -> None:
    error = complaint(house.server, nothing)
    assert (error.status, error.code) == (401, "authentication_required")


def test_whatever_is_wrong_with_a_key_the_answer_is_the_same(house: House) -> None:
    operator = house.operator
    inactive, of_inactive = operator.create_key("acme", by="ops")
    operator.deactivate(inactive.id, by="ops")
    _, of_disabled = operator.create_key("closed", by="ops")
    operator.disable_account("closed", by="ops")
    _, of_expired = operator.create_key("acme", expires_at=int(house.clock()) + 1, by="ops")
    house.clock.now += 1
    secrets = ["nonsense", format_secret(bytes(32)), of_inactive, of_disabled, of_expired]
    errors = [complaint(house.server, secret) for secret in secrets]
    assert {(type(e), e.message, e.code, e.param) for e in errors} == {
        (Unauthenticated, bad_key().message, "invalid_api_key", None)
    }


def test_the_owner_of_a_closed_key_need_not_look_for_a_typing_error(house: House) -> None:
    house.operator.deactivate(house.key.id, by="ops")
    refusal = complaint(house.server, house.secret).message
    assert refusal.startswith("The API key is unknown, expired or deactivated: ")


@pytest.mark.parametrize("secret", ["x", "sk-rg-typo", "sk-rg-" + "0" * 49, "\xe9", "\udcff"])
def test_a_malformed_key_never_reaches_the_store(house: House, secret: str) -> None:
    complaint(house.server, secret)
    assert house.store.look_ups == 0


def test_a_remembered_key_needs_no_look_up(house: House) -> None:
    house.known().server.authenticate(house.secret)
    assert house.store.look_ups == 0


def test_a_remembered_key_is_looked_up_again_before_a_second_is_over(house: House) -> None:
    house.known().clock.now += 0.95
    house.server.authenticate(house.secret)
    assert house.store.look_ups == 1


def test_an_unknown_key_is_not_remembered(house: House) -> None:
    secret = format_secret(bytes(32))
    complaint(house.server, secret)
    complaint(house.server, secret)
    assert house.store.look_ups == 2


@pytest.mark.parametrize("change", ["deactivate", "rotate", "disable"])
def test_a_closed_key_is_refused_before_a_second_is_over(house: House, change: str) -> None:
    house.known()
    match change:
        case "deactivate":
            house.operator.deactivate(house.key.id, by="ops")
        case "rotate":
            house.operator.rotate(house.key.id, 0, by="ops")
        case _:
            house.operator.disable_account("acme", by="ops")
    house.clock.now += 0.95
    assert complaint(house.server, house.secret).code == "invalid_api_key"


def test_one_look_up_of_any_key_brings_the_news_of_all(house: House) -> None:
    _, other = house.operator.create_key("acme", by="ops")
    house.known().server.authenticate(other)
    house.operator.deactivate(house.key.id, by="ops")
    house.clock.now += 0.5
    house.server.authenticate(other)
    assert complaint(house.server, house.secret).code == "invalid_api_key"


def test_a_key_closed_in_the_middle_of_its_look_up_is_not_remembered_for_long(
    house: House,
) -> None:
    house.store.meanwhile = lambda: house.operator.deactivate(house.key.id, by="ops")
    house.server.authenticate(house.secret)
    house.clock.now += 0.95
    assert complaint(house.server, house.secret).code == "invalid_api_key"


def test_an_older_look_up_that_ends_later_does_not_bring_back_what_was_known_before(
    house: House,
) -> None:
    def another_request_sees_the_key_closed() -> None:
        house.operator.deactivate(house.key.id, by="ops")
        house.clock.now += 0.1
        complaint(house.server, house.secret)

    house.store.meanwhile = another_request_sees_the_key_closed
    house.server.authenticate(house.secret)
    assert complaint(house.server, house.secret).code == "invalid_api_key"


def test_while_one_request_asks_the_others_go_on_with_what_is_remembered(house: House) -> None:
    house.known().clock.now += 0.5
    house.store.meanwhile = lambda: house.server.authenticate(house.secret)
    house.server.authenticate(house.secret)
    assert house.store.look_ups == 1


def test_nobody_goes_on_with_what_was_remembered_for_a_second_though_one_asks(
    house: House,
) -> None:
    house.known().clock.now += 0.95
    house.store.meanwhile = lambda: house.server.authenticate(house.secret)
    house.server.authenticate(house.secret)
    assert house.store.look_ups == 2


def test_an_opened_key_works_again(house: House) -> None:
    house.operator.deactivate(house.key.id, by="ops")
    complaint(house.server, house.secret)
    house.operator.activate(house.key.id, by="ops")
    assert house.server.authenticate(house.secret).account == "acme"


def test_a_remembered_key_expires_on_time(house: House) -> None:
    at = int(house.clock()) + 1
    _, secret = house.operator.create_key("acme", expires_at=at, by="ops")
    serving = Accounts(house.store, LimitSettings(), clock=house.clock, monotonic=lambda: 0.0)
    serving.authenticate(secret)
    house.clock.now = at
    assert complaint(serving, secret).code == "invalid_api_key"


def test_the_last_use_is_written_down(house: House) -> None:
    house.known()
    assert house.server.keys()[0].last_used_at == house.clock()


def test_the_last_use_is_written_down_once_a_minute(house: House) -> None:
    first = house.known().clock()
    house.clock.now += 59
    house.server.authenticate(house.secret)
    assert house.server.keys()[0].last_used_at == first


def test_a_use_after_a_minute_is_written_down(house: House) -> None:
    house.known().clock.now += 60
    house.server.authenticate(house.secret)
    assert house.server.keys()[0].last_used_at == house.clock()


def test_a_refused_key_was_not_used(house: House) -> None:
    house.operator.deactivate(house.key.id, by="ops")
    complaint(house.server, house.secret)
    assert house.server.keys()[0].last_used_at is None


def test_a_key_that_cannot_be_marked_as_used_works_all_the_same(house: House) -> None:
    def go_away() -> None:
        house.store.away = True

    house.store.meanwhile = go_away
    assert not house.server.authenticate(house.secret).stale


def test_without_the_store_a_known_key_is_stale(house: House) -> None:
    house.known().store.away = True
    house.clock.now += 1
    caller = house.server.authenticate(house.secret)
    assert (caller.stale, caller.account) == (True, "acme")


def test_without_the_store_a_known_key_works_for_a_minute(house: House) -> None:
    house.known().store.away = True
    house.clock.now += 60
    with pytest.raises(StorageUnavailable):
        house.server.authenticate(house.secret)


def test_without_the_store_an_unknown_key_is_told_so(house: House) -> None:
    house.known().store.away = True
    with pytest.raises(StorageUnavailable):
        house.server.authenticate(format_secret(bytes(32)))


def test_a_process_that_could_not_ask_says_so_and_asks_again(house: House) -> None:
    house.known().store.away, house.store.code = True, "overloaded"
    assert complaint(house.server, format_secret(bytes(32))).code == "overloaded"
    house.store.away = False
    assert complaint(house.server, format_secret(bytes(32))).status == 401


def test_without_the_store_a_key_still_expires(house: House) -> None:
    _, secret = house.operator.create_key("acme", expires_at=int(house.clock()) + 5, by="ops")
    house.server.authenticate(secret)
    house.store.away = True
    house.clock.now += 5
    assert complaint(house.server, secret).code == "invalid_api_key"


def test_without_the_store_a_key_from_before_a_change_is_not_trusted(house: House) -> None:
    _, other = house.operator.create_key("acme", by="ops")
    house.known()
    house.operator.deactivate(house.key.id, by="ops")
    house.clock.now += 1
    house.server.authenticate(other)
    house.store.away = True
    house.clock.now += 1
    with pytest.raises(StorageUnavailable):
        house.server.authenticate(house.secret)


def test_without_the_store_a_key_that_was_seen_closed_by_a_later_look_up_is_not_trusted(
    house: House,
) -> None:
    def another_request_sees_the_key_closed() -> None:
        house.operator.deactivate(house.key.id, by="ops")
        house.clock.now += 0.1
        complaint(house.server, house.secret)

    house.store.meanwhile = another_request_sees_the_key_closed
    house.server.authenticate(house.secret)
    house.store.away = True
    with pytest.raises(StorageUnavailable):
        house.server.authenticate(house.secret)


def test_a_store_that_just_failed_is_not_asked_again(house: House) -> None:
    house.known().store.away = True
    house.clock.now += 1
    house.server.authenticate(house.secret)
    house.clock.now += 0.4
    house.server.authenticate(house.secret)
    assert house.store.look_ups == 1


def test_a_store_that_is_back_is_noticed_within_a_second(house: House) -> None:
    house.known().store.away = True
    house.clock.now += 1
    house.server.authenticate(house.secret)
    house.store.away = False
    house.clock.now += 0.9
    assert not house.server.authenticate(house.secret).stale


def test_while_one_request_asks_a_store_that_failed_the_others_do_not_wait_long(
    house: House,
) -> None:
    house.known().store.away = True
    house.clock.now += 1
    house.server.authenticate(house.secret)
    house.store.away = False
    house.clock.now += 0.9
    others: list[bool] = []
    house.store.meanwhile = lambda: others.append(house.server.authenticate(house.secret).stale)
    house.server.authenticate(house.secret)
    assert (others, house.store.look_ups) == ([True], 2)


def test_who_comes_while_a_store_that_is_back_is_asked_gets_in(house: House) -> None:
    house.known().store.away = True
    house.clock.now += 1
    house.server.authenticate(house.secret)
    house.store.away = False
    house.clock.now += 61
    with ThreadPoolExecutor(3) as pool:
        others: list[Future[Caller]] = []

        def come() -> None:
            others.extend(pool.submit(house.server.authenticate, house.secret) for _ in range(3))

        house.store.meanwhile = come
        house.server.authenticate(house.secret)
        assert [each.result().stale for each in others] == [False] * 3


def test_a_store_that_is_back_is_asked_by_everybody_again(house: House) -> None:
    house.known().store.away = True
    house.clock.now += 1
    house.server.authenticate(house.secret)
    house.store.away = False
    house.clock.now += 1
    house.server.authenticate(house.secret)
    house.clock.now += 1
    others: list[bool] = []
    house.store.meanwhile = lambda: others.append(house.server.authenticate(house.secret).stale)
    house.server.authenticate(house.secret)
    assert others == [False]


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.services.accounts.authentication.MAX_CACHED", 2)
    store, clock = MemoryAccountStore(), Clock()
    operator = Accounts(store, LimitSettings(), clock=clock)
    secrets = [operator.create_key("acme", by="ops")[1] for _ in range(5)]
    authenticator = Authenticator(store, LimitSettings(), clock=clock, monotonic=clock)
    for secret in secrets:
        clock.now += 1
        authenticator.authenticate(secret)
    assert len(authenticator._entries) <= 2
