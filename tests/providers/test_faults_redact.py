"""What looks like a credential is hidden, and what does not is left alone."""

from __future__ import annotations

import pytest

from app.providers.faults.redact import HIDDEN, redact


@pytest.mark.parametrize(
    "text",
    [
        "Incorrect API key provided: sk-proj-Abc123def456ghi789.",
        "Incorrect API key provided: sk-abcd********wxyz.",
        "Authorization: Bearer abcdef123456",
        "header 'Basic dXNlcjpwYXNzd29yZA=='",
        "x-api-key: 9f8e7d6c5b4a",
        'api_key="9f8e7d6c5b4a"',
        "token=9f8e7d6c5b4a&x=1",
        "password: hunter22",
        "postgres://admin:hunter22@db/x",
        "AIzaSyA1234567890abcdefghijk",
        "gsk_1234567890abcdef",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "blob Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4MTIz",
    ],
)
def test_a_credential_is_hidden(text: str) -> None:
    hidden = redact(text, None)
    assert HIDDEN in hidden
    for part in ("123", "hunter", "wxyz", "dXNl", "9f8e", "OiJI"):
        assert part not in hidden


@pytest.mark.parametrize(
    "text",
    [
        "'max_tokens' is too large: 200000.",
        "No tool output found for function call call_0a1b2c3d4e5f60718293a4b5c6d7e8f901234567.",
        "Invalid schema for function 'get_weather': required is missing.",
        "The model `gpt-4o-mini-2024-07-18` does not exist",
        "token limit reached",
        "see https://example.com/docs/errors#key-limits",
    ],
)
def test_other_words_are_left_alone(text: str) -> None:
    assert redact(text, None) == text


def test_the_key_itself_is_hidden_whatever_it_looks_like() -> None:
    assert redact("you sent plainword, really", "plainword") == f"you sent {HIDDEN}, really"
