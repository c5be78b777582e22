"""Conversations with ids: OpenAI's own client, many writers at once, processes that die."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai
import pytest
import requests

from tests.e2e import gateway as gateways
from tests.e2e.background import cancel, ended, queued, spoken
from tests.e2e.gateway import Gateway, Keys
from tests.e2e.mortal_redis import MortalRedis
from tests.e2e.workers import brief
from tests.upstream.client import Upstream
from tests.upstream.script import Fail, Script


def begun(gateway: Gateway, **body: object) -> str:
    answer = gateway.call("POST", "/v1/conversations", body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def texts(gateway: Gateway, conversation: str) -> list[str]:
    """Return what was said in a conversation, oldest first."""
    answer = gateway.call("GET", f"/v1/conversations/{conversation}/items?order=asc&limit=100")
    assert answer.status_code == 200, answer.text
    return [part["text"] for item in answer.json()["data"] for part in item["content"]]


def test_openais_client_holds_a_conversation(openai_client: openai.OpenAI) -> None:
    made = openai_client.conversations.create(
        metadata={"topic": "tea"}, items=[{"type": "message", "role": "user", "content": "one"}]
    )
    assert openai_client.conversations.retrieve(made.id) == made
    changed = openai_client.conversations.update(made.id, metadata={"topic": "coffee"})
    assert changed.metadata == {"topic": "coffee"}
    whole = openai_client.responses.create(
        model="steady", input=Script(say="two").text(), conversation=made.id
    )
    assert whole.conversation
    assert whole.conversation.id == made.id
    with openai_client.responses.stream(
        model="steady", input=Script(say="three").text(), conversation={"id": made.id}
    ) as stream:
        stream.until_done()
    page = openai_client.conversations.items.list(made.id, limit=2, order="asc")
    listed: list[Any] = list(page)  # all pages
    assert [item.content[0].text for item in listed][::2] == ["one", "two", "three"]
    added = openai_client.conversations.items.create(
        made.id, items=[{"type": "message", "role": "user", "content": "four"}]
    )
    last_id = str(added.data[0].id)
    last = openai_client.conversations.items.retrieve(last_id, conversation_id=made.id)
    assert last == added.data[0]
    left = openai_client.conversations.items.delete(last_id, conversation_id=made.id)
    assert left.id == made.id
    assert len(list(openai_client.conversations.items.list(made.id))) == 5
    assert openai_client.conversations.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError) as unknown:
        openai_client.conversations.retrieve(made.id)
    assert unknown.value.code == "conversation_not_found"


def test_many_writers_at_once_have_one_order_and_lose_nothing(gateway: Gateway) -> None:
    conversation = begun(gateway)

    def write(number: int) -> None:
        script = Script(say=f"answer {number}").text()
        if number % 3:
            gateway.create(
                script, model="steady", conversation=conversation, store=bool(number % 2)
            )
        else:
            gateway.stream(script, model="steady", conversation=conversation)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(write, range(24)))
    said = texts(gateway, conversation)
    questions, answers = said[::2], said[1::2]
    assert Counter(answers) == Counter(f"answer {number}" for number in range(24))
    for question, answer in zip(questions, answers, strict=True):  # turns stand together
        assert f'"{answer}"' in question


@pytest.mark.parametrize("stream", [False, True])
def test_a_response_that_fails_has_its_input_in_the_conversation_once(
    gateway: Gateway, stream: bool
) -> None:
    conversation = begun(gateway)
    script = Script(say=("one ", "two"), cut_after=1, cut="close").text()
    body = {"model": "steady", "input": script, "conversation": conversation, "stream": stream}
    answer = gateway.call("POST", "/v1/responses", body)
    if stream:
        assert texts(gateway, conversation) == [script, "one "]
    else:
        assert answer.status_code == 503
        assert texts(gateway, conversation) in ([], [script], [script, "one "])
    refused = body | {"input": Script(fail=Fail(status=400)).text()}
    assert gateway.call("POST", "/v1/responses", refused | {"stream": False}).status_code == 400
    assert Script(fail=Fail(status=400)).text() not in texts(gateway, conversation)


def test_background_responses_add_their_turns_whatever_becomes_of_their_worker(
    gateway: Gateway, upstream: Upstream, environment: dict[str, str], tmp_path: Path
) -> None:
    conversation = begun(gateway)
    halted = Script(say=("one ", "two"), stall_after=1, tag="conversation halted").text()
    silent = Script(say="three", stall_after=-1, tag="conversation silent").text()
    hasty = environment | {"WORKER_LEASE_S": "1"}
    spoke = queued(gateway, halted, conversation=conversation)
    quiet = queued(gateway, silent, conversation=conversation)
    with brief(hasty, tmp_path) as worker:
        spoken(gateway, spoke, "one ")
        upstream.wait("conversation silent", "stalled")
        worker.kill()
    with brief(hasty, tmp_path):
        assert ended(gateway, spoke)["status"] == "failed"
        upstream.wait("conversation silent", "arrived", count=2)
        upstream.release("conversation silent")
        assert ended(gateway, quiet)["status"] == "completed"
        assert texts(gateway, conversation) == [halted, "one ", silent, "three"]
        again = queued(
            gateway,
            Script(say=("four ", "five"), stall_after=1, tag="conversation again").text(),
            conversation=conversation,
        )
        spoken(gateway, again, "four ")
        assert cancel(gateway, again)["conversation"] == {"id": conversation}
    assert texts(gateway, conversation)[5:] == ["four "]


def test_what_was_acknowledged_is_there_when_redis_is_back(
    upstream: Upstream, environment: dict[str, str], keys: Keys, tmp_path: Path
) -> None:
    with MortalRedis(tmp_path) as redis:
        redis.start()
        env = environment | {"REDIS_URL": redis.url, "SPOOL_DIR": str(tmp_path / "spool")}
        own = Keys(gateways.make_key("acme", env), keys.foreign)
        with gateways.running(env, own, tmp_path, "gevent", 2) as gateway:
            conversation = begun(gateway, items=[{"role": "user", "content": "one"}])
            gateway.create(Script(say="two").text(), model="steady", conversation=conversation)
            before = texts(gateway, conversation)
            held_up = Script(say=("three ", "four"), stall_after=1, tag="conversation redis").text()
            body = {"model": "steady", "input": held_up, "conversation": conversation}
            with ThreadPoolExecutor(1) as pool:
                answer = pool.submit(gateway.call, "POST", "/v1/responses", body | {"stream": True})
                upstream.wait("conversation redis", "stalled")
                redis.kill()
                asked: list[requests.Response] = [
                    gateway.call("GET", f"/v1/conversations/{conversation}"),
                    gateway.call("POST", "/v1/responses", body | {"input": "x"}),
                    gateway.call("POST", "/v1/conversations", {}),
                ]
                assert [each.status_code for each in asked] == [503] * 3
                upstream.release("conversation redis")
                assert b"response.completed" in answer.result().content  # it was spooled
            redis.start()
            # Whoever goes on with it has what was spooled delivered first.
            gateway.create(Script(say="five").text(), model="steady", conversation=conversation)
            after = texts(gateway, conversation)
    assert after[: len(before)] == before
    assert after[len(before) :][:2] == [held_up, "three four"]
    assert after[-1] == "five"
