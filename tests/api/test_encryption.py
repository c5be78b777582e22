"""Responses that are encrypted with their caller's key (C6, N14)."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import redis
from flask import Flask
from werkzeug.test import TestResponse

from app.api import context
from tests.api.conftest import Asker
from tests.redis_plaintext import found_in

KEY_A, KEY_B = (base64.b64encode(bytes([each]) * 32).decode() for each in (1, 2))
WORD = "markerword"
BODY: dict[str, Any] = {
    "model": "local/echo",
    "input": f"{WORD}input",
    "instructions": f"{WORD}instructions " * 30,
    "metadata": {"place": f"{WORD}metadata"},
    "tools": [
        {
            "type": "function",
            "name": "look",
            "description": f"{WORD}tools",
            "parameters": {"type": "object", "properties": {}},
        }
    ],
    "safety_identifier": f"{WORD}user",
}
UNKNOWN = "resp_" + "0" * 48


@dataclass(frozen=True)
class KeyHolder:
    """Somebody with an API key who encrypts with this one, or with none."""

    asker: Asker
    key: str | None = KEY_A

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> TestResponse:
        """Return the answer to a request."""
        sent = {"Authorization": f"Bearer {self.asker.secret}", "X-Request-ID": "same", **headers}
        if self.key is not None:
            sent["x-encryption-key"] = self.key
        answer = self.asker.client.open(path, method=method, json=body, headers=sent)
        answer.get_data()
        return answer

    def create(self, **body: object) -> str:
        """Make a response and return its id."""
        answer = self.ask("POST", "/v1/responses", BODY | body)
        assert answer.status_code in (200, 202), answer.get_data(as_text=True)
        if body.get("stream"):
            return answer.get_data().split(b'"id":"', 1)[1].split(b'"', 1)[0].decode()
        return str(answer.get_json()["id"])


@pytest.fixture
def holder(owner: Asker) -> KeyHolder:
    return KeyHolder(owner)


@pytest.fixture(params=["plain", "another key"])
def other(request: pytest.FixtureRequest, owner: Asker) -> KeyHolder:
    """The same account, without the key."""
    return KeyHolder(owner, None if request.param == "plain" else KEY_B)


@pytest.fixture(scope="module")
def redis_url(own_redis_url: str) -> str:
    """A Redis in which nobody else may have stored the words that are looked for."""
    return own_redis_url


@pytest.fixture
def stored(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def error_of(answer: TestResponse) -> tuple[int, dict[str, Any]]:
    return answer.status_code, answer.get_json()["error"]


def test_an_encrypted_response_is_what_it_would_be(holder: KeyHolder) -> None:
    made = holder.ask("POST", "/v1/responses", BODY)
    shown = holder.ask("GET", f"/v1/responses/{made.get_json()['id']}")
    assert shown.get_json() == made.get_json()
    assert shown.get_json()["metadata"] == BODY["metadata"]
    assert f"{WORD}input" in shown.get_json()["output"][0]["content"][0]["text"]


@pytest.mark.parametrize(
    "way", [{}, {"stream": True}, {"background": True}, {"store": False}], ids=str
)
def test_nothing_of_it_is_readable_in_redis(
    holder: KeyHolder, stored: redis.Redis, way: dict[str, Any]
) -> None:
    holder.ask("POST", "/v1/responses", BODY | way, **{"Idempotency-Key": "k1"})
    first = holder.create()
    holder.create(previous_response_id=first, **({} if "store" in way else way))
    assert found_in(stored, [WORD.encode(), KEY_A.encode(), bytes([1]) * 32]) == {}


def test_without_the_header_the_same_is_found(holder: KeyHolder, stored: redis.Redis) -> None:
    KeyHolder(holder.asker, None).create()
    assert found_in(stored, [WORD.encode()])


CALLS = {
    "fetch": ("GET", ""),
    "delete": ("DELETE", ""),
    "cancel": ("POST", "/cancel"),
    "items": ("GET", "/input_items"),
    "follow": ("GET", "?stream=true"),
    "wait": ("GET", "?wait=1"),
}


@pytest.mark.parametrize("way", [{}, {"stream": True}, {"background": True}], ids=str)
@pytest.mark.parametrize("call", CALLS)
def test_without_its_key_it_is_an_unknown_response(
    holder: KeyHolder, other: KeyHolder, call: str, way: dict[str, Any]
) -> None:
    made = holder.create(**way)
    method, path = CALLS[call]
    refused = other.ask(method, f"/v1/responses/{made}{path}")
    unknown = other.ask(method, f"/v1/responses/{UNKNOWN}{path}")
    assert refused.status_code == 404
    assert refused.get_data(as_text=True) == unknown.get_data(as_text=True).replace(UNKNOWN, made)
    assert holder.ask("GET", f"/v1/responses/{made}").status_code == 200


def test_without_its_key_it_is_no_parent(holder: KeyHolder, other: KeyHolder) -> None:
    made = holder.create()
    refused = other.ask("POST", "/v1/responses", BODY | {"previous_response_id": made})
    unknown = other.ask("POST", "/v1/responses", BODY | {"previous_response_id": UNKNOWN})
    assert error_of(refused)[0] == 400
    assert error_of(refused)[1]["code"] == "previous_response_not_found"
    assert refused.get_data(as_text=True) == unknown.get_data(as_text=True).replace(UNKNOWN, made)


def test_without_its_key_no_item_of_it_can_be_referred_to(
    holder: KeyHolder, other: KeyHolder
) -> None:
    made = holder.ask("POST", "/v1/responses", BODY).get_json()["output"][0]["id"]
    reference = [{"type": "item_reference", "id": made}]
    assert holder.ask("POST", "/v1/responses", BODY | {"input": reference}).status_code == 200
    refused = other.ask("POST", "/v1/responses", BODY | {"input": reference})
    assert error_of(refused)[0] == 404
    assert error_of(refused)[1]["code"] == "item_not_found"


def test_ids_that_clients_made_can_be_referred_to_and_are_not_readable(
    holder: KeyHolder, stored: redis.Redis
) -> None:
    said = {"type": "message", "id": f"msg_{WORD}", "role": "user", "content": "hi"}
    holder.create(input=[said])
    reference = [{"type": "item_reference", "id": f"msg_{WORD}"}]
    assert holder.ask("POST", "/v1/responses", BODY | {"input": reference}).status_code == 200
    assert found_in(stored, [WORD.encode()]) == {}


def test_a_conversation_goes_on_with_its_key(holder: KeyHolder) -> None:
    first = holder.create(input="one")
    second = holder.create(input="two", previous_response_id=first)
    fork = holder.create(input="three", previous_response_id=first)
    for made, said in ((second, "two"), (fork, "three")):
        third = holder.create(input="four", previous_response_id=made)
        items = holder.ask("GET", f"/v1/responses/{third}/input_items?order=asc").get_json()
        texts = [part["text"] for item in items["data"] for part in item["content"]]
        assert [texts[0], texts[2], texts[4]] == ["one", said, "four"]


def test_a_plain_response_can_be_continued_with_a_key_and_the_new_one_is_encrypted(
    holder: KeyHolder, other: KeyHolder
) -> None:
    first = KeyHolder(holder.asker, None).create(input="one")
    second = holder.create(input="two", previous_response_id=first)
    third = holder.create(input="three", previous_response_id=second)
    items = holder.ask("GET", f"/v1/responses/{third}/input_items?order=asc").get_json()
    assert [item["content"][0]["text"] for item in items["data"][::2]] == ["one", "two", "three"]
    assert other.ask("GET", f"/v1/responses/{second}").status_code == 404
    assert other.create(input="beside", previous_response_id=first)


def test_on_a_plain_response_the_header_changes_nothing(holder: KeyHolder) -> None:
    made = KeyHolder(holder.asker, None).create(stream=True)
    for method, path in (("GET", ""), ("GET", "/input_items"), ("GET", "?stream=true")):
        assert holder.ask(method, f"/v1/responses/{made}{path}").status_code == 200
    assert holder.ask("DELETE", f"/v1/responses/{made}").status_code == 200


def test_a_stream_is_sent_again_byte_for_byte(holder: KeyHolder) -> None:
    first = holder.ask("POST", "/v1/responses", BODY | {"stream": True}).get_data()
    made = first.split(b'"id":"', 1)[1].split(b'"', 1)[0].decode()
    assert holder.ask("GET", f"/v1/responses/{made}?stream=true").get_data() == first


def test_a_deleted_one_is_gone_and_later_turns_keep_it(holder: KeyHolder) -> None:
    first = holder.create(input="one")
    second = holder.create(input="two", previous_response_id=first)
    assert holder.ask("DELETE", f"/v1/responses/{first}").status_code == 200
    assert holder.ask("GET", f"/v1/responses/{first}").status_code == 404
    items = holder.ask("GET", f"/v1/responses/{second}/input_items").get_json()["data"]
    assert len(items) == 3


def test_a_key_opens_nothing_of_another_account(holder: KeyHolder, stranger: Asker) -> None:
    made = holder.create()
    assert KeyHolder(stranger).ask("GET", f"/v1/responses/{made}").status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"x-encryption-key": ""},
        {"x-encryption-key": "no base64!"},
        {"x-encryption-key": base64.b64encode(bytes(31)).decode()},
        {"x-encryption-key": base64.b64encode(bytes(33)).decode()},
        {"x-encryption-key": f"{KEY_A},{KEY_A}"},
        {"x-encryption-passphrase": ""},
        {"x-encryption-passphrase": "seven77"},
        {"x-encryption-passphrase": "x" * 1025},
        {"x-encryption-key": KEY_A, "x-encryption-passphrase": "long enough"},
        {"x-encryption-key": "", "x-encryption-passphrase": "long enough"},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["responses", "conversations"])
def test_what_can_be_no_key_is_refused_and_not_repeated(
    owner: Asker, headers: dict[str, str], path: str
) -> None:
    answer = KeyHolder(owner, None).ask("POST", f"/v1/{path}", BODY, **headers)
    status, error = error_of(answer)
    assert (status, error["type"]) == (400, "invalid_request_error")
    assert (error["code"], error["param"] in headers) == ("invalid_encryption_key", True)
    assert not any(len(each) > 6 and each in error["message"] for each in headers.values())


def test_a_passphrase_is_a_key(app: Flask, owner: Asker, stored: redis.Redis) -> None:
    stretched = list[bytes]()

    def stretch(passphrase: bytes, salt: bytes) -> bytes:
        stretched.append(salt)
        return (passphrase + salt)[:32]

    with app.app_context():
        context.services().content_keys.stretch = stretch
    caller = KeyHolder(owner, None)
    words = {"x-encryption-passphrase": "correct horse"}
    made = caller.ask("POST", "/v1/responses", BODY, **words).get_json()["id"]
    path = f"/v1/responses/{made}"
    assert caller.ask("GET", path, **words).status_code == 200
    wrong = {"x-encryption-passphrase": "wrong horse"}
    assert caller.ask("GET", path, **wrong).status_code == 404
    assert caller.ask("GET", path).status_code == 404
    assert len(stretched) == 2
    assert found_in(stored, [WORD.encode(), b"correct horse"]) == {}


def test_the_key_is_part_of_what_an_idempotency_key_stands_for(
    holder: KeyHolder, other: KeyHolder
) -> None:
    keyed = {"Idempotency-Key": "k1"}
    first, again = (holder.ask("POST", "/v1/responses", BODY, **keyed) for _ in range(2))
    assert first.get_data() == again.get_data()
    assert again.headers["Idempotent-Replayed"] == "true"
    status, error = error_of(other.ask("POST", "/v1/responses", BODY, **keyed))
    assert (status, error["code"]) == (422, "idempotency_key_reused")


def test_conversations_have_one_key(holder: KeyHolder, other: KeyHolder) -> None:
    said = {"type": "message", "role": "user", "content": f"{WORD} one"}
    begun = holder.ask("POST", "/v1/conversations", {"items": [said], "metadata": {"a": WORD}})
    made = begun.get_json()["id"]
    holder.create(input="two", conversation=made)
    path = f"/v1/conversations/{made}"
    listed = holder.ask("GET", f"{path}/items?order=asc").get_json()["data"]
    assert [each["content"][0]["text"] for each in listed[:2]] == [f"{WORD} one", "two"]
    assert holder.ask("GET", path).get_json()["metadata"] == {"a": WORD}
    changed = holder.ask("POST", path, {"metadata": {"b": WORD}})
    assert changed.get_json()["metadata"] == {"b": WORD}
    item = listed[0]["id"]
    unknown = "conv_" + "0" * 48
    for method, below in (
        ("GET", ""),
        ("GET", "/items"),
        ("GET", f"/items/{item}"),
        ("DELETE", ""),
    ):
        refused = other.ask(method, path + below)
        missing = other.ask(method, f"/v1/conversations/{unknown}{below}")
        assert refused.status_code == 404
        text = missing.get_data(as_text=True)
        assert refused.get_data(as_text=True) == text.replace(unknown, made)


def test_nothing_is_written_into_a_conversation_with_another_key(
    holder: KeyHolder, other: KeyHolder, stranger: Asker
) -> None:
    said = {"type": "message", "role": "user", "content": "hi"}
    made = holder.ask("POST", "/v1/conversations", {"items": [said]}).get_json()["id"]
    path = f"/v1/conversations/{made}"
    listed = holder.ask("GET", f"{path}/items").get_json()
    (item,) = listed["data"]
    writes: tuple[tuple[str, str, object], ...] = (
        ("POST", "/v1/responses", BODY | {"conversation": made}),
        ("POST", "/v1/responses", BODY | {"conversation": made, "stream": True}),
        ("POST", "/v1/responses", BODY | {"conversation": made, "background": True}),
        ("POST", "/v1/responses", BODY | {"conversation": made, "store": False}),
        ("POST", f"{path}/items", {"items": [said]}),
        ("POST", path, {"metadata": {}}),
        ("DELETE", f"{path}/items/{item['id']}", None),
    )
    for method, at, body in writes:
        status, error = error_of(other.ask(method, at, body))
        assert (status, error["type"]) == (400, "invalid_request_error")
        assert (error["code"], error["param"]) == ("invalid_encryption_key", "conversation")
        assert "x-encryption-key" in error["message"]
        status, error = error_of(KeyHolder(stranger, other.key).ask(method, at, body))
        assert (status, error["code"]) == (404, "conversation_not_found")
    assert holder.ask("GET", f"{path}/items").get_json() == listed
    no_item = other.ask("DELETE", f"{path}/items/msg_unknown")
    assert error_of(no_item)[1]["code"] == "invalid_encryption_key"


def test_nothing_of_a_conversation_is_readable_in_redis(
    holder: KeyHolder, stored: redis.Redis
) -> None:
    said = {"type": "message", "role": "user", "content": f"{WORD} one"}
    begun = holder.ask("POST", "/v1/conversations", {"items": [said], "metadata": {"a": WORD}})
    path = f"/v1/conversations/{begun.get_json()['id']}"
    own = {"type": "message", "id": f"msg_{WORD}", "role": "user", "content": "two"}
    holder.create(input=[own], conversation=begun.get_json()["id"])
    holder.create(input="three", conversation=begun.get_json()["id"], store=False)
    added = holder.ask("POST", f"{path}/items", {"items": [said]}).get_json()["data"][0]["id"]
    assert holder.ask("DELETE", f"{path}/items/msg_{WORD}").status_code == 200
    assert holder.ask("DELETE", f"{path}/items/{added}").status_code == 200
    holder.create(input="four", conversation=begun.get_json()["id"])
    left = holder.ask("GET", f"{path}/items?order=asc").get_json()["data"]
    texts = [each["content"][0]["text"] for each in left]
    assert texts[0] == f"{WORD} one"
    assert texts[1:] == ["two", "three", "three", "four", "four"]  # what was said, and its echo
    assert texts.count(f"{WORD} one") == 1
    assert found_in(stored, [WORD.encode(), KEY_A.encode()]) == {}


def test_nothing_is_encrypted_in_a_conversation_that_has_no_key(holder: KeyHolder) -> None:
    plain = KeyHolder(holder.asker, None)
    made = plain.ask("POST", "/v1/conversations", {}).get_json()["id"]
    said = {"type": "message", "role": "user", "content": "hi"}
    item = plain.ask("POST", f"/v1/conversations/{made}/items", {"items": [said]})
    for answer in (
        holder.ask("POST", "/v1/responses", BODY | {"conversation": made}),
        holder.ask("POST", "/v1/responses", BODY | {"conversation": made, "background": True}),
        holder.ask("POST", f"/v1/conversations/{made}/items", {"items": [said]}),
        holder.ask("POST", f"/v1/conversations/{made}", {"metadata": {}}),
    ):
        status, error = error_of(answer)
        assert (status, error["code"]) == (400, "invalid_encryption_key")
        assert error["param"] == "conversation"
    path = f"/v1/conversations/{made}"
    assert holder.ask("GET", path).status_code == 200
    assert holder.ask("GET", f"{path}/items/{item.get_json()['data'][0]['id']}").status_code == 200
    assert holder.ask("DELETE", path).status_code == 200


def test_use_is_put_down_to_encrypted(app: Flask, holder: KeyHolder) -> None:
    holder.create()
    with app.app_context():
        context.services().meter.book.flush()
    rows = holder.ask("GET", "/v1/usage?group_by=user").get_json()["data"]
    assert {row["user"]: row["requests"] for row in rows} == {"(encrypted)": 1}


def test_a_background_response_is_cancelled_with_its_key(
    holder: KeyHolder, stored: redis.Redis
) -> None:
    made = holder.create(background=True)
    job = next(key for key in stored.scan_iter("*:job:*") if made.encode() in key)
    assert stored.hexists(job, "key")
    cancelled = holder.ask("POST", f"/v1/responses/{made}/cancel").get_json()
    assert cancelled["status"] == "cancelled"
    assert not stored.exists(job)
    assert holder.ask("GET", f"/v1/responses/{made}?stream=true").status_code == 200
    assert found_in(stored, [WORD.encode()]) == {}


def test_operators_see_that_it_is_encrypted_and_delete_and_purge_it(
    app: Flask, holder: KeyHolder, stored: redis.Redis
) -> None:
    said = {"type": "message", "id": f"msg_{WORD}", "role": "user", "content": "hi"}
    others = sum(stored.hlen(key) for key in stored.scan_iter("*homes:*"))
    made, running = holder.create(input=[said]), holder.create(background=True)
    with app.app_context():
        archive = context.services().archive
        for each in (made, running):
            shown = archive.show(each).json()
            assert (shown["encrypted"], "response" in shown) == (True, False)
            assert archive.delete(each, by="test")
        assert holder.ask("GET", f"/v1/responses/{made}").status_code == 404
        before = sum(stored.hlen(key) for key in stored.scan_iter("*homes:*"))
        assert set(archive.purge(2**31, by="test")) >= {made, running}
        assert before > others
        assert sum(stored.hlen(key) for key in stored.scan_iter("*homes:*")) <= others
        assert archive.show(made).json()["purged"]
