"""The form of an API key's secret."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.accounts.api_keys import digest, format_secret, is_well_formed

ENTROPY = st.binary(min_size=32, max_size=32)


@given(ENTROPY)
def test_every_secret_is_well_formed(entropy: bytes) -> None:
    assert is_well_formed(format_secret(entropy))


@given(ENTROPY, ENTROPY)
def test_secrets_differ_as_their_entropy_does(one: bytes, other: bytes) -> None:
    assert (format_secret(one) == format_secret(other)) == (one == other)


@given(ENTROPY, st.data())
def test_a_mistyped_character_is_noticed(entropy: bytes, data: st.DataObject) -> None:
    secret = format_secret(entropy)
    at = data.draw(st.integers(0, len(secret) - 1))
    typo = data.draw(st.sampled_from(string.printable).filter(lambda c: c != secret[at]))
    assert not is_well_formed(secret[:at] + typo + secret[at + 1 :])


@given(ENTROPY, st.data())
def test_two_swapped_characters_are_noticed(entropy: bytes, data: st.DataObject) -> None:
    secret = format_secret(entropy)
    at = data.draw(st.integers(0, len(secret) - 2).filter(lambda i: secret[i] != secret[i + 1]))
    swapped = secret[:at] + secret[at + 1] + secret[at] + secret[at + 2 :]
    assert not is_well_formed(swapped)


@given(st.text(max_size=80))
def test_other_text_is_not_well_formed(text: str) -> None:
    assert not is_well_formed(text)


@pytest.mark.parametrize("damage", ["{}\n", " {}", "{}{}", "{}x"])
def test_a_secret_with_something_around_it_is_not_well_formed(damage: str) -> None:
    secret = format_secret(bytes(32))
    assert not is_well_formed(damage.format(secret, secret))


def test_a_secret_needs_its_whole_entropy() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        format_secret(b"short")


def test_any_text_has_a_digest() -> None:
    assert digest("\udcff") != digest("\udcfe")
