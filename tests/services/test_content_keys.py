"""Keys that callers encrypt with, and passphrases that they are made of (N14)."""

from __future__ import annotations

import base64
import hashlib

import pytest

from app.domain.accounts.content_key import OPERATOR_KEY, ContentKey
from app.errors import RateLimited
from app.services.accounts.content_keys import (
    MAX_NEW,
    MAX_REMEMBERED,
    REMEMBERED_S,
    ContentKeys,
    stretched,
)
from tests.services.clocks import Clock


class Stretching:
    """Counts what it stretches, quickly."""

    def __init__(self) -> None:
        self.salts: list[bytes] = []

    def __call__(self, passphrase: bytes, salt: bytes) -> bytes:
        self.salts.append(salt)
        return hashlib.sha256(passphrase + salt).digest()


@pytest.fixture
def stretch() -> Stretching:
    return Stretching()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(stretch: Stretching, clock: Clock) -> ContentKeys:
    return ContentKeys(lambda: b"s" * 32, stretch, clock)


def test_a_key_is_its_accounts(keys: ContentKeys) -> None:
    text = base64.b64encode(bytes(32)).decode()
    assert keys.of("acme", text, None) == ContentKey.of("acme", bytes(32))
    assert keys.of("acme", text, None).secret != keys.of("globex", text, None).secret
    assert keys.of("acme", text, None).secret != bytes(32)


def test_a_passphrase_is_stretched_once_in_ten_minutes(
    keys: ContentKeys, stretch: Stretching, clock: Clock
) -> None:
    first = keys.of("acme", None, "correct horse")
    clock.now += REMEMBERED_S - 1
    assert keys.of("acme", None, "correct horse") is first
    clock.now += 2
    assert keys.of("acme", None, "correct horse") == first
    assert len(stretch.salts) == 2


def test_each_account_has_a_salt_of_its_own(keys: ContentKeys, stretch: Stretching) -> None:
    made = {keys.of(each, None, "correct horse").secret for each in ("acme", "globex")}
    assert len(made) == len(set(stretch.salts)) == 2


def test_a_key_is_forgotten_when_its_time_is_over(keys: ContentKeys, clock: Clock) -> None:
    keys.of("acme", None, "correct horse")
    clock.now += REMEMBERED_S / 2
    keys.of("acme", None, "battery staple")
    clock.now += REMEMBERED_S / 2
    keys.forget()
    assert len(keys._known) == 1
    clock.now += REMEMBERED_S
    keys.forget()
    assert not keys._known
    assert not keys._new


def test_no_more_than_so_many_are_remembered(keys: ContentKeys, clock: Clock) -> None:
    for number in range(MAX_REMEMBERED + 1):
        clock.now += 10
        keys.of("acme", None, f"passphrase {number}")
    assert len(keys._known) == MAX_REMEMBERED


def test_an_account_that_tries_many_passphrases_has_to_wait(
    keys: ContentKeys, clock: Clock
) -> None:
    for number in range(MAX_NEW):
        keys.of("acme", None, f"passphrase {number}")
    with pytest.raises(RateLimited) as refused:
        keys.of("acme", None, "one too many")
    assert refused.value.retry_after_s == 61
    keys.of("acme", None, "passphrase 0")  # it is known
    keys.of("globex", None, "one too many")
    clock.now += 60
    keys.of("acme", None, "one too many")


def test_a_passphrase_may_be_of_any_script(keys: ContentKeys) -> None:
    as_wsgi = "ключ от всего".encode().decode("latin-1")
    assert keys.of("acme", None, as_wsgi).secret != keys.of("acme", None, as_wsgi + ".").secret


def test_passphrases_are_stretched_by_scrypt() -> None:
    made = stretched(b"correct horse", b"salt" * 8)
    want = hashlib.scrypt(
        b"correct horse", salt=b"salt" * 8, n=2**15, r=8, p=3, maxmem=2**26, dklen=32
    )
    assert made == want


def test_an_operators_key_opens_nothing() -> None:
    assert OPERATOR_KEY.check_value("resp_1") == "*"
    assert OPERATOR_KEY.secret == b""
