"""What looks like a credential is hidden, and what does not is left alone."""

from __future__ import annotations

import time

import pytest

from app.logs.redaction import HIDDEN, are_ids, model_or_hidden, name_or_hidden, redact


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


@pytest.mark.parametrize("form", ["a/b+c=", "a%2Fb%2Bc%3D", "a%2fb%2bc%3d", "a\\/b+c="])
def test_the_key_itself_is_hidden_as_urls_and_json_have_it(form: str) -> None:
    assert redact(f"no {form} here", "a/b+c=") == "no [hidden] here"


def test_the_key_itself_is_hidden_whatever_it_looks_like() -> None:
    assert redact("you sent plainword, really", "plainword") == f"you sent {HIDDEN}, really"


@pytest.mark.parametrize(
    "text",
    [
        "redis://:hunter-222@host:6379/0",
        "redis://user:hun/ter-222@host:6379/0",
        "redis://:hun@ter@222@host:6379/0",
        "https://a.example/x?X-Amz-Signature=hunter222hunter222&sig=hunter222",
        "rediss+sentinel://a:1,b:2/x?sentinel_password=hunter-222",
        "https://hunter-222@example.com/repository",
        "GATEWAY_API_KEY=hunter-222",
        '{"client_secret": "hunter-222"}',
        '{\\"password\\": \\"hunter-222\\"}',
        "('x-api-key', 'hunter-222')",
        "('Authorization', 'Token hunter-222')",
        "AKIAHUNTER222HUNTER2",
        "aws_secret_access_key = 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",
        "at /v1/responses/sk-rg-hunter222hunter222hunter222",
        "xoxb-hunter222-hunter222",
        "sk-hunterhunterhunterhunterhunter",
    ],
)
def test_a_credential_is_hidden_wherever_it_stands(text: str) -> None:
    assert "hunter" not in redact(text).lower()


@pytest.mark.parametrize(
    "text",
    [
        "/opt/responses-gateway/.venv/lib/python3.11/site-packages/Flask/app_and_more.py",
        "/opt/Gateway2025/plugins/Company2/models/Adapter100/reader",
        "Error 111 connecting to 127.0.0.1:6379. Connection refused.",
        "resp_0123456789abcdef0123456789abcdef0123456789abcdef",
        "http://127.0.0.1:8000/v1/responses",
        "rest-and-recreation-2030",
        "the key-value store",
    ],
)
def test_what_the_log_speaks_of_is_left_alone(text: str) -> None:
    assert redact(text) == text


SLOW = ("sk-", "bearer ", "://", "://a:", "://a@", "token=", "secret ,", 'pass\\"', "eyJ.", "aA1/")


def spent_s(text: str) -> float:
    """Return the CPU that it takes at best, in seconds."""
    taken = []
    for _ in range(3):
        before = time.thread_time()
        redact(text)
        taken.append(time.thread_time() - before)
    return min(taken)


@pytest.mark.parametrize("part", SLOW)
def test_hiding_grows_as_the_text_does(part: str) -> None:
    """Sixteen times the text: a rule that went over it again and again would take 256 times."""
    short, long = (part * (size // len(part)) for size in (4_096, 65_536))
    assert spent_s(long) < 80 * max(spent_s(short), 1e-4)


@pytest.mark.parametrize("text", ["OPENAI_API_KEY", "team-a.east", "_x"])
def test_a_name_may_be_repeated(text: str) -> None:
    assert name_or_hidden(text) == text


@pytest.mark.parametrize(
    "text", ["sk-proj-Abc123def456ghi789", "two words", "", "9lives", "a" * 65, "x\n", "ünïcode"]
)
def test_what_is_no_name_is_not_repeated(text: str) -> None:
    assert name_or_hidden(text) == HIDDEN


@pytest.mark.parametrize(
    "text", ["gpt-oss:120b", "meta-llama/Llama-3.3-70B-Instruct", "a" * 128, "x@y+z=1"]
)
def test_a_models_id_may_be_repeated(text: str) -> None:
    assert model_or_hidden(text) == text


@pytest.mark.parametrize(
    "text",
    ["sk-proj-Abc123def456ghi789", "aB3" * 14, "two words", "", "a" * 129, "x\n", "ünïcode", "a,b"],
)
def test_what_is_no_models_id_is_not_repeated(text: str) -> None:
    assert model_or_hidden(text) == HIDDEN


@pytest.mark.parametrize(
    ("text", "may"),
    [("req_1 gpt-5 abc", True), ("a" * 400, True), ("a" * 401, False), ("a\nb", False)],
)
def test_several_ids_may_be_in_a_line(text: str, *, may: bool) -> None:
    assert are_ids(text) is may
