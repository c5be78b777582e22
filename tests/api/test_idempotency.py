"""Idempotency-Key: the same request twice is answered once (C3)."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.api import context
from app.domain.accounts.accounts import Caller, Permissions
from app.errors import StorageRefused, StorageUnavailable, Unconfirmed, UpstreamMisbehaved
from app.factory import create_app
from app.services.idempotency.kept_answers import KeptAnswer, opened
from app.services.idempotency.service import IdempotencyKeys, OwnedKey
from app.services.responses.saving import TurnSaver
from app.settings import ProviderSettings, RedisSettings, Settings
from tests.api.conftest import PREFIX, Asker, asker
from tests.processes import until
from tests.redis_server import remove_keys
from tests.services.scripted import HELLO, THE_END, ScriptedProvider, Step

OWNER = Caller(account="owner", key_id="key_1")
BODY = {"model": "local/echo", "input": "one two three"}
WAYS: dict[str, dict[str, object]] = {
    "whole": {},
    "stream": {"stream": True},
    "whole, not stored": {"store": False},
    "stream, not stored": {"store": False, "stream": True},
}

FEWER = {
    "read-only": Permissions(read_only=True),
    "another model": Permissions(models=("other/*",)),
}


def ask(caller: Asker, key: str, **body: object) -> TestResponse:
    """Return an answer, once all of it is there."""
    headers = {"Authorization": f"Bearer {caller.secret}", "Idempotency-Key": key}
    answer = caller.client.post("/v1/responses", json=BODY | body, headers=headers)
    answer.get_data()
    return answer


def playing(redis_url: str, script: Sequence[Step]) -> Flask:
    """Return a gateway whose model "m" answers with this script."""
    settings = Settings(
        providers=(ProviderSettings(name="p", api="local", models=("m",)),),
        redis=RedisSettings(url=redis_url, prefix=PREFIX),
        log_level="CRITICAL",
    )
    return create_app(settings, providers={"p": ScriptedProvider("p", script)})


def redis_of(app: Flask) -> Any:
    with app.app_context():
        return context.services().idempotency._store._redis  # type: ignore[attr-defined]


@pytest.mark.parametrize("way", WAYS)
def test_a_request_that_is_made_again_has_the_same_answer(owner: Asker, way: str) -> None:
    first, again = (ask(owner, "k1", **WAYS[way]) for _ in range(2))
    assert first.status_code == again.status_code == 200
    assert "Idempotent-Replayed" not in first.headers
    assert first.get_data() == again.get_data()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert ask(owner, "k2", **WAYS[way]).get_data() != first.get_data()


@pytest.mark.parametrize("way", [*WAYS, "background", "compacted"])
def test_a_request_that_is_made_again_names_what_was_ignored(owner: Asker, way: str) -> None:
    body = WAYS.get(way, {"background": True}) | {"unknown": 1, "prompt_cache_key": "mine"}
    if way == "compacted":
        body, first = {"unknown": 1}, compact(owner, "k1", unknown=1)
        again = compact(owner, "k1", unknown=1)
    else:
        first, again = (ask(owner, "k1", **body) for _ in range(2))
    names = ", ".join(name for name in ("unknown", "prompt_cache_key") if name in body)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert [each.headers["X-Ignored-Parameters"] for each in (first, again)] == [names] * 2


def compact(caller: Asker, key: str, **body: object) -> TestResponse:
    headers = {"Authorization": f"Bearer {caller.secret}", "Idempotency-Key": key}
    return caller.client.post("/v1/responses/compact", json=BODY | body, headers=headers)


def test_a_conversation_is_compacted_once(app: Flask, owner: Asker) -> None:
    first, again = (compact(owner, "k1") for _ in range(2))
    assert first.status_code == again.status_code == 200
    assert first.get_json()["object"] == "response.compaction"
    assert first.get_data() == again.get_data()
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert compact(owner, "k2").get_data() != first.get_data()
    assert owner.ask("GET", "/v1/usage").get_json()["total"]["requests"] == 2


def test_a_compaction_and_an_answer_do_not_share_a_key(owner: Asker) -> None:
    assert compact(owner, "k1").status_code == 200
    assert ask(owner, "k1").status_code == 422
    assert ask(owner, "k2").status_code == 200
    assert compact(owner, "k2").status_code == 422


def test_a_background_request_that_is_made_again_queues_nothing(owner: Asker) -> None:
    first, again = (ask(owner, "k1", background=True) for _ in range(2))
    assert first.status_code == again.status_code == 202
    assert first.get_json() == again.get_json()
    assert first.headers["Location"] == again.headers["Location"]
    assert again.headers["Idempotent-Replayed"] == "true"


def test_the_same_key_with_another_body_is_refused(owner: Asker) -> None:
    ask(owner, "k1")
    refused = ask(owner, "k1", input="else")
    assert refused.status_code == 422
    error = refused.get_json()["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", "idempotency_key_reused")


def test_another_accounts_key_is_another_key(owner: Asker, stranger: Asker) -> None:
    first = ask(owner, "k1").get_json()["id"]
    answer = ask(stranger, "k1", input="else")
    assert answer.status_code == 200
    assert answer.get_json()["id"] != first


@pytest.mark.parametrize("way", [*WAYS, "background", "compacted"])
@pytest.mark.parametrize("may", FEWER.values(), ids=FEWER)
def test_a_key_gets_no_answer_to_what_it_may_not_ask(
    app: Flask, owner: Asker, may: Permissions, way: str
) -> None:
    lesser, body = asker(app, "owner", may), WAYS.get(way, {"background": True})
    make = compact if way == "compacted" else lambda caller, key: ask(caller, key, **body)
    assert make(owner, "k1").status_code in (200, 202)
    assert make(lesser, "k1").status_code == 403
    assert make(owner, "k1").headers["Idempotent-Replayed"] == "true"


def test_a_refusal_frees_the_key(owner: Asker) -> None:
    assert ask(owner, "k1", model="nowhere/none").status_code == 404
    assert ask(owner, "k1", temperature="hot").status_code == 400
    assert ask(owner, "k1").status_code == 200


@pytest.mark.parametrize("key", ["", "with space", "é", "x" * 256, "tab\t"])
def test_a_key_that_is_none_is_refused(owner: Asker, key: str) -> None:
    refused = ask(owner, key)
    error = refused.get_json()["error"]
    assert (refused.status_code, error["param"]) == (400, "Idempotency-Key")


@pytest.mark.parametrize("background", [False, True])
def test_a_response_that_was_deleted_is_not_answered_with(
    owner: Asker, *, background: bool
) -> None:
    response_id = ask(owner, "k1", background=background).get_json()["id"]
    owner.ask("DELETE", f"/v1/responses/{response_id}")
    assert ask(owner, "k1", background=background).status_code == 404


def test_what_is_kept_of_a_failure_is_purged_with_its_response(redis_url: str) -> None:
    remove_keys(redis_url, PREFIX)
    failure = UpstreamMisbehaved("it said something secret")
    app = playing(redis_url, (HELLO, failure))
    caller = asker(app, "failing")
    first, again = (ask(caller, "k1", model="m") for _ in range(2))
    assert (first.status_code, again.headers["Idempotent-Replayed"]) == (500, "true")
    with app.app_context():
        archive = context.services().archive
        ((failed,),) = archive.responses("failing")
        archive.delete(failed.response_id, by="test")
        assert failed.response_id in set(archive.purge(2**31, by="test"))
    assert list(keys_of(app)) == []


@pytest.mark.parametrize("way", ["whole", "stream"])
def test_an_answer_in_another_machines_spool_is_waited_for(
    app: Flask, owner: Asker, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    with app.app_context():
        spool: Any = context.services().spool
    spooled_at = time.time()
    monkeypatch.setattr(spool, "put_at", lambda _: spooled_at)
    monkeypatch.setattr(TurnSaver, "save", lambda *_: None)
    assert ask(owner, "k1", **WAYS[way]).status_code == 200
    again = ask(owner, "k1", **WAYS[way])
    assert (again.status_code, again.headers["Retry-After"]) == (503, "2")
    spooled_at -= 2 * 3600
    assert ask(owner, "k2", **WAYS[way]).status_code == 200
    assert ask(owner, "k2", **WAYS[way]).status_code == 404


def test_who_comes_while_the_first_is_under_way_waits_for_its_answer(
    app: Flask, owner: Asker
) -> None:
    with app.app_context():
        keys = context.services().idempotency
    digest = b"d"
    owned = keys.begin(OWNER, "k1", digest, lambda: False)
    found: list[Any] = []
    waiting = threading.Thread(
        target=lambda: found.append(keys.begin(OWNER, "k1", digest, lambda: False))
    )
    waiting.start()
    until(lambda: any(redis_of(app).hexists(key, "waited") for key in keys_of(app)), "it to wait")
    assert isinstance(owned, OwnedKey)
    owned.finish(KeptAnswer(200, body={"a": "b"}))
    waiting.join()
    assert found == [KeptAnswer(200, body={"a": "b"})]


def keys_of(app: Flask) -> Iterator[bytes]:
    return redis_of(app).scan_iter(f"{PREFIX}idempotency:*")  # type: ignore[no-any-return]


def test_redis_has_neither_the_key_nor_what_was_said(app: Flask, owner: Asker) -> None:
    ask(owner, "a-telling-key", store=False, input="a secret")
    client = redis_of(app)
    (key,) = keys_of(app)
    assert b"a-telling-key" not in key
    dump = client.dump(key) + b"".join(client.hvals(key))
    assert b"a secret" not in dump
    assert b"a-telling-key" not in dump
    assert opened(client.hget(key, "answer"), "owner", "a-telling-key").body["output"]
    assert 0 < client.ttl(key) <= 24 * 3600
    with app.app_context():
        list(context.services().archive.erase("owner", by="test"))
    assert list(keys_of(app)) == []


@pytest.mark.parametrize("way", ["whole", "stream"])
def test_an_answer_that_could_not_be_stored_frees_the_key(
    owner: Asker, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise StorageUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(TurnSaver, "save", away)
        lost = ask(owner, "k1", **WAYS[way])
    assert "Redis" in lost.text or "away" in lost.text
    again = ask(owner, "k1", **WAYS[way])
    assert (again.status_code, "Idempotent-Replayed" in again.headers) == (200, False)


@pytest.mark.parametrize("way", ["whole", "stream"])
def test_an_answer_that_is_stored_is_not_made_again_for_its_replicas(
    owner: Asker, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = TurnSaver.save

    def unconfirmed(*arguments: Any) -> None:
        save(*arguments)
        raise Unconfirmed("0 of 1 replicas")

    monkeypatch.setattr(TurnSaver, "save", unconfirmed)
    ask(owner, "k1", **WAYS[way])
    assert ask(owner, "k1", **WAYS[way]).headers["Idempotent-Replayed"] == "true"
    assert owner.ask("GET", "/v1/usage").get_json()["total"]["requests"] == 1


@pytest.mark.parametrize("way", ["whole", "stream"])
@pytest.mark.parametrize("end", ["restart", "nobody waits"])
def test_an_answer_that_is_given_up_frees_its_key(
    redis_url: str, way: str, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give_up() -> None:
        with app.app_context():
            services: Any = context.services()
        if end == "restart":
            services.open_answers.close()
            return
        monkeypatch.setattr("app.services.idempotency.service.UNHEARD_S", 0.0)
        (owned,) = services.idempotency._owned.values()
        owned.leave()
        services.idempotency.renew()

    remove_keys(redis_url, PREFIX)
    app = playing(redis_url, (HELLO, give_up, THE_END))
    ask(asker(app, "given-up"), "k1", model="m", **WAYS[way])
    assert list(keys_of(app)) == []


@pytest.mark.parametrize("why", ["just left", "waited for"])
def test_an_answer_that_somebody_may_want_runs_on(redis_url: str, why: str) -> None:
    def leave() -> None:
        with app.app_context():
            keys: Any = context.services().idempotency
        (owned,) = keys._owned.values()
        owned.leave()
        if why == "waited for":
            owned.left_at -= 3600
            keys._store.wait(owned.account, owned.key_hash)
        keys.renew()

    remove_keys(redis_url, PREFIX)
    app = playing(redis_url, (HELLO, leave, THE_END))
    caller = asker(app, "left")
    first, again = (ask(caller, "k1", model="m") for _ in range(2))
    assert (first.get_json()["status"], again.get_json()["id"]) == (
        "completed",
        first.get_json()["id"],
    )


def test_a_key_whose_request_stumbles_at_its_beginning_is_free(
    app: Flask, owner: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object) -> None:
        raise ValueError("what was stored cannot be read")

    with monkeypatch.context() as patch:
        patch.setattr("app.api.idempotency._kept_before", stumble)
        assert ask(owner, "k1").status_code == 500
    assert list(keys_of(app)) == []


def test_a_key_is_taken_where_the_system_has_no_thread_to_give(
    app: Flask, owner: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with app.app_context():
        keys = context.services().idempotency
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        owned = keys.begin(OWNER, "k1", b"d", lambda: False)
    assert isinstance(owned, OwnedKey)
    owned.free()
    assert ask(owner, "k1").status_code == 200


def losing(app: Flask, name: str, *, does_it: bool) -> Callable[..., object]:
    """Return what the store does by that name, but with its reply lost, or the request."""
    with app.app_context():
        store: Any = context.services().idempotency._store
    act = getattr(store, name)

    def lose(*arguments: object, **more: object) -> object:
        if does_it:
            act(*arguments, **more)
        raise StorageUnavailable("away")

    return lose


def begun_at_once(keys: IdempotencyKeys) -> bool:
    """Take a key, without waiting for who has it; return whether it is ours."""
    looks = iter((False, True))
    return isinstance(keys.begin(OWNER, "k1", b"d", lambda: next(looks)), OwnedKey)


def test_a_key_whose_reply_is_lost_is_free_again_at_once(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        keys: Any = context.services().idempotency
    with monkeypatch.context() as patch:
        patch.setattr(keys._store, "begin", losing(app, "begin", does_it=True))
        with pytest.raises(StorageUnavailable):
            keys.begin(OWNER, "k1", b"d", lambda: False)
    keys.catch_up()
    assert begun_at_once(keys)


def test_a_key_that_could_not_be_freed_is_free_once_the_store_is_back(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        keys: Any = context.services().idempotency
    owned = keys.begin(OWNER, "k1", b"d", lambda: False)
    with monkeypatch.context() as patch:
        patch.setattr(keys._store, "free", losing(app, "free", does_it=False))
        owned.free()
        keys.catch_up()
    keys.catch_up()
    assert begun_at_once(keys)


def test_an_answer_that_redis_refuses_to_keep_is_sent_all_the_same(
    app: Flask, owner: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StorageRefused("Redis refused the command.")

    with app.app_context():
        keys: Any = context.services().idempotency
    monkeypatch.setattr(keys._store, "finish", refuse)
    assert ask(owner, "k1").status_code == 200
    assert keys._owned == {}


def test_an_answer_is_kept_again_until_replicas_have_it_or_its_lease_is_over(
    app: Flask, owner: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[object] = []

    def unconfirmed(*arguments: object) -> None:
        calls.append(arguments)
        raise Unconfirmed("0 of 1 replicas")

    with app.app_context():
        keys: Any = context.services().idempotency
    monkeypatch.setattr(keys, "_renews_in", os.getpid())  # no thread does it meanwhile
    finish = keys._store.finish
    monkeypatch.setattr(keys._store, "finish", unconfirmed)
    for key in ("k1", "k2"):
        assert ask(owner, key).status_code == 200
    keys.catch_up()
    assert len(calls) == 3  # the first that fails says how it would go with the others
    monkeypatch.setattr(keys._store, "finish", finish)
    keys.catch_up()
    assert keys._owned == {}
    assert all(ask(owner, key).headers["Idempotent-Replayed"] == "true" for key in ("k1", "k2"))
    monkeypatch.setattr(keys._store, "finish", unconfirmed)
    assert ask(owner, "k3").status_code == 200
    monkeypatch.setattr(keys, "_lease_s", 0.0)
    keys.catch_up()
    assert keys._owned == {}
