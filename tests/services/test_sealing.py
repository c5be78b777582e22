"""Opaque reasoning travels back byte-exact to whom it came from, and to nobody else."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.turns.compaction import Summary
from app.services.answering.sealing import SUMMARY_TAG, PayloadSealer, Unsealed

SEALER = PayloadSealer(lambda: b"secret")
ENCODABLE = st.text(st.characters(codec="utf-8"))


@given(ENCODABLE)
def test_a_payload_comes_back_byte_exact(payload: str) -> None:
    sealed = SEALER.seal("acme", "anthropic", payload)
    assert SEALER.open("acme", sealed) == Unsealed("anthropic", None, payload)


def test_another_account_cannot_open_a_seal() -> None:
    assert SEALER.open("other", SEALER.seal("acme", "anthropic", "x")) is None


def test_another_deployment_cannot_open_a_seal() -> None:
    assert (
        PayloadSealer(lambda: b"else").open("acme", SEALER.seal("acme", "anthropic", "x")) is None
    )


def test_a_changed_blob_does_not_open() -> None:
    blob = bytearray(base64.urlsafe_b64decode(SEALER.seal("acme", "anthropic", "x")))
    blob[-1] ^= 1
    assert SEALER.open("acme", base64.urlsafe_b64encode(blob).decode()) is None


@pytest.mark.parametrize("blob", ["", "A", "AQ==", "gAAAAABinary==", "ü", "x y", "/+//"])
def test_what_we_never_sealed_does_not_open(blob: str) -> None:
    assert SEALER.open("acme", blob) is None


def test_a_pseudonym_is_stable_and_differs_between_accounts() -> None:
    assert SEALER.pseudonym("acme", "u1") == SEALER.pseudonym("acme", "u1")
    assert SEALER.pseudonym("acme", "u1") != SEALER.pseudonym("other", "u1")


def test_a_pseudonym_fits_the_upstream_and_hides_what_was_given() -> None:
    pseudonym = SEALER.pseudonym("acme", "alice@example.org")
    assert len(pseudonym) == 64
    assert "alice" not in pseudonym


SUMMARY = Summary("The city is Oslo.", ("Be brief.",), keeps_messages=True)


def test_a_summary_comes_back_as_it_was() -> None:
    assert SEALER.open_summary("acme", SEALER.seal_summary("acme", SUMMARY)) == SUMMARY


def test_nobody_but_its_account_can_open_a_summary() -> None:
    sealed = SEALER.seal_summary("acme", SUMMARY)
    assert SEALER.open_summary("other", sealed) is None
    assert PayloadSealer(lambda: b"else").open_summary("acme", sealed) is None


def test_nobody_can_read_or_change_a_summary() -> None:
    sealed = SEALER.seal_summary("acme", SUMMARY)
    blob = bytearray(base64.urlsafe_b64decode(sealed.removeprefix(SUMMARY_TAG)))
    assert b"Oslo" not in blob
    assert sealed != SEALER.seal_summary("acme", SUMMARY)
    for place in range(len(blob)):
        changed = blob[:place] + bytes([blob[place] ^ 1]) + blob[place + 1 :]
        text = SUMMARY_TAG + base64.urlsafe_b64encode(changed).decode()
        assert SEALER.open_summary("acme", text) is None


@pytest.mark.parametrize("blob", ["", SUMMARY_TAG, SUMMARY_TAG + "AAAA", "gAAAAABm", "ü"])
def test_what_is_no_summary_of_ours_does_not_open(blob: str) -> None:
    assert SEALER.open_summary("acme", blob) is None


def test_a_sealed_payload_is_no_summary_nor_the_other_way_round() -> None:
    assert SEALER.open_summary("acme", SEALER.seal("acme", "anthropic", "x")) is None
    assert SEALER.open("acme", SEALER.seal_summary("acme", SUMMARY)) is None
