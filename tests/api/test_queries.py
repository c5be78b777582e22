"""What a query may say, and what becomes of the rest (N21)."""

from __future__ import annotations

import pytest
from werkzeug.test import TestResponse

from tests.api.conftest import Asker

IGNORED = "X-Ignored-Parameters"
ASKED = {"model": "local/echo", "input": "Hi"}


def ignored(response: TestResponse) -> str | None:
    return response.headers.get(IGNORED)


@pytest.mark.parametrize(
    ("method", "path", "named"),
    [
        ("POST", "/v1/responses?api-version=2025-04-01", "?api-version"),
        ("GET", "/v1/responses?x=1&y&x=2", "?x, ?y"),
        ("GET", "/v1/models?limit=5", "?limit"),
        ("GET", "/v1/models/local/echo?a%20b%0d=1", "?a%20b%0D"),
        ("GET", "/v1/models?%C3%A9%2c~=1", "?%C3%A9%2C%7E"),
        ("GET", "/v1/usage?from=2030-01-01&to=2030-01-02&group=day", "?group"),
        ("GET", "/v1/webhook_endpoints?limit[]=5", "?limit[]"),
    ],
)
def test_a_key_that_nobody_knows_is_named(owner: Asker, method: str, path: str, named: str) -> None:
    assert ignored(owner.ask(method, path, ASKED if method == "POST" else None)) == named


def test_keys_stand_behind_the_parameters_of_the_body(owner: Asker) -> None:
    response = owner.ask("POST", "/v1/responses?b=1", ASKED | {"a": 1})
    assert ignored(response) == "a, ?b"


@pytest.mark.parametrize(
    "query",
    [
        "include=reasoning.encrypted_content&include[]=reasoning.encrypted_content",
        "stream=false&starting_after=3&wait=0",
    ],
)
def test_a_key_that_is_read_is_not_named(owner: Asker, query: str) -> None:
    response = owner.ask("GET", f"/v1/responses/{owner.create()}?{query}")
    assert (response.status_code, ignored(response)) == (200, None)


@pytest.mark.parametrize("key", ["group_by", "group_by[]", "group_by%5B%5D"])
def test_a_list_may_have_brackets(owner: Asker, key: str) -> None:
    response = owner.ask("GET", f"/v1/usage?{key}=day")
    assert (response.status_code, ignored(response)) == (200, None)


def test_a_page_is_asked_for_with_known_keys(owner: Asker) -> None:
    response = owner.ask(
        "GET", f"/v1/responses/{owner.create()}/input_items?limit=1&order=asc&after=&before="
    )
    assert (response.status_code, ignored(response)) == (200, None)


def test_there_are_at_most_twenty_names(owner: Asker) -> None:
    response = owner.ask("GET", "/v1/models?" + "&".join(f"k{number}=" for number in range(30)))
    names = str(ignored(response)).split(", ")
    assert (len(names), names[0], names[-1]) == (21, "?k0", "%E2%80%A6")


def test_more_keys_than_anybody_reads_are_still_answered(owner: Asker) -> None:
    response = owner.ask("GET", "/v1/models?" + "&".join(f"k{number}=" for number in range(500)))
    assert (response.status_code, ignored(response)) == (200, "?k0")


@pytest.mark.parametrize(
    ("limit", "code"),
    [
        ("0", "integer_below_min_value"),
        ("-1", "integer_below_min_value"),
        ("101", "integer_above_max_value"),
        (str(2**64), "integer_above_max_value"),
        ("1e9", "invalid_type"),
        ("%D9%A1", "invalid_type"),
        ("9" * 5000, "invalid_type"),
    ],
)
def test_a_number_out_of_bounds_is_told_from_what_is_no_number(
    owner: Asker, limit: str, code: str
) -> None:
    response = owner.ask("GET", f"/v1/responses/resp_abc/input_items?limit={limit}")
    assert response.json is not None
    assert (response.status_code, response.json["error"]["code"]) == (400, code)


def test_a_list_of_items_is_walked_to_its_end_whatever_ids_a_caller_gives(owner: Asker) -> None:
    same = {"type": "message", "role": "user", "id": "msg_same"}
    first = owner.create(input=[same | {"content": text} for text in ("a", "b", "c")])
    second = owner.create(input=[same | {"content": "d"}], previous_response_id=first)
    path = f"/v1/responses/{second}/input_items?order=asc&limit=1"
    texts, after = [], ""
    for _ in range(5):
        page = owner.ask("GET", path + after).get_json()
        texts.append(page["data"][0]["content"][0]["text"])
        after = f"&after={page['last_id']}"
    assert page["has_more"] is False
    assert [*texts[:3], texts[4]] == ["a", "b", "c", "d"]
