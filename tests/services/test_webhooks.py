"""Webhooks: signed, sent, tried again; secrets that are kept sealed."""

from __future__ import annotations

import base64
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import pytest
from openai import InvalidWebhookSignatureError, OpenAI
from structlog.testing import capture_logs

from app.domain.accounts.accounts import Caller
from app.domain.webhooks.deliveries import AttemptEntry, Delivery, Receipt
from app.domain.webhooks.endpoints import WebhookEndpoint, WebhookEvent
from app.errors import (
    GatewayError,
    InvalidRequest,
    RateLimited,
    StorageUnavailable,
    Unavailable,
)
from app.schemas.webhooks.wire import event_body
from app.services.webhooks import dispatcher as dispatching
from app.services.webhooks.courier import Courier
from app.services.webhooks.dispatcher import Dispatcher
from app.services.webhooks.endpoints import MOST_TESTS, TESTS_WITHIN_S, WebhookEndpoints
from app.services.webhooks.signing import SecretUnreadable, WebhookSigner
from app.settings import WebhookSettings
from app.store.webhooks.base import Taken, WebhookStore
from tests.processes import PATIENCE_S, until

NOW = 1_764_400_000.5
EVENT = WebhookEvent("evt_1", "response.completed", int(NOW), "resp_1")
ACME = Caller(account="acme", key_id="key_1")
SEAL_KEY = "x" * 32


def signer(seal_key: str | None = None, deployment: bytes = b"d" * 32) -> WebhookSigner:
    return WebhookSigner(lambda: deployment, seal_key, os.urandom)


def endpoint_of(own: WebhookSigner, secret: str, number: int = 1) -> WebhookEndpoint:
    endpoint_id = f"whe_{number}"
    return WebhookEndpoint(
        endpoint_id,
        "acme",
        "mine",
        "https://a.example/",
        (EVENT.type,),
        1,
        1,
        "",
        own.seal(endpoint_id, secret),
    )


class ScriptedSender:
    """Answers with receipts, the last for good, and keeps what was sent."""

    def __init__(self, *receipts: Receipt, wait: Callable[[], object] = lambda: None) -> None:
        self.sent: list[tuple[str, bytes, Mapping[str, str]]] = []
        self._receipts = list(receipts)
        self._wait = wait

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Receipt:
        self.sent.append((url, body, headers))
        self._wait()
        return self._receipts.pop(0) if len(self._receipts) > 1 else self._receipts[0]


class ScriptedStore:
    """Has deliveries that are due, and keeps what became of them; `faults` are raised first."""

    def __init__(self, *due: Delivery) -> None:
        self.due = list(due)
        self.faults: list[Exception] = []
        self.settled: list[tuple[AttemptEntry, bool, float]] = []
        self.dropped = 0

    def take(self, most: int) -> Taken:
        if self.faults:
            raise self.faults.pop(0)
        taken, self.due = self.due[:most], self.due[most:]
        dropped, self.dropped = self.dropped, 0
        return Taken(taken, 60.0, dropped)

    def settle(
        self, _: Delivery, entry: AttemptEntry, *, failed: bool, quiet_until: float = 0.0
    ) -> bool:
        if self.faults:
            raise self.faults.pop(0)
        self.settled.append((entry, failed, quiet_until))
        return True


OWN = signer()
SECRET = OWN.new_secret()


def delivery(attempt: int = 1, number: int = 1) -> Delivery:
    return Delivery(endpoint_of(OWN, SECRET, number), EVENT, attempt)


def dispatcher(
    store: ScriptedStore,
    sender: ScriptedSender,
    *,
    is_active: Callable[[str], bool] = lambda _: True,
    capacity: int = 4,
    own: WebhookSigner = OWN,
) -> Dispatcher:
    return Dispatcher(
        cast(WebhookStore, store),
        Courier(sender, own, event_body, lambda: NOW),
        is_active,
        threading.Event(),
        now=lambda: NOW,
        chance=lambda: 0.0,
        capacity=capacity,
    )


# Signing


def unwrapped(headers: Mapping[str, str], body: bytes, secret: str) -> Any:
    with OpenAI(api_key="none", base_url="http://nowhere.invalid") as client:
        client.webhooks.verify_signature(body, headers, secret=secret, tolerance=10**10)


def test_openais_sdk_takes_what_is_signed() -> None:
    body = event_body(EVENT)
    headers = OWN.headers(endpoint_of(OWN, SECRET), EVENT, body, NOW)
    assert headers["webhook-id"] == "evt_1"
    assert headers["webhook-timestamp"] == "1764400000"
    unwrapped(headers, body, SECRET)
    for wrong_body, wrong_secret in ((body + b" ", SECRET), (body, OWN.new_secret())):
        with pytest.raises(InvalidWebhookSignatureError):
            unwrapped(headers, wrong_body, wrong_secret)


@pytest.mark.parametrize(("at", "signs"), [(NOW, True), (NOW + 99, True), (NOW + 101, False)])
def test_an_old_secret_signs_as_long_as_it_is_kept(at: float, *, signs: bool) -> None:
    old = OWN.new_secret()
    endpoint = replace(
        endpoint_of(OWN, SECRET),
        old_sealed_secret=OWN.seal("whe_1", old),
        old_secret_ends_at=int(NOW) + 100,
    )
    body = event_body(EVENT)
    headers = OWN.headers(endpoint, EVENT, body, at)
    unwrapped(headers, body, SECRET)
    assert len(headers["webhook-signature"].split()) == (2 if signs else 1)
    if signs:
        unwrapped(headers, body, old)


def test_each_secret_is_another_of_256_bits() -> None:
    secrets = {OWN.new_secret() for _ in range(5)}
    assert len(secrets) == 5
    assert {len(base64.b64decode(each.removeprefix("whsec_"))) for each in secrets} == {32}


def test_a_hint_shows_four_characters() -> None:
    assert OWN.hint("whsec_" + "a" * 39 + "wxyz=") == "whsec_...wxyz"


def test_a_sealed_secret_shows_nothing_and_is_for_its_endpoint_alone() -> None:
    sealed = OWN.seal("whe_1", SECRET)
    assert SECRET not in sealed
    assert SECRET.encode() not in base64.b64decode(sealed[2:])
    stolen = replace(endpoint_of(OWN, SECRET, 2), sealed_secret=sealed)
    with pytest.raises(SecretUnreadable):
        OWN.headers(stolen, EVENT, b"", NOW)


def test_who_has_all_of_redis_cannot_open_it_without_the_gateways_secret() -> None:
    """The deployment's secret lies in Redis; GATEWAY_SECRET does not."""
    endpoint = endpoint_of(signer(SEAL_KEY), SECRET)
    assert signer(SEAL_KEY).headers(endpoint, EVENT, b"", NOW)
    for thief in (signer(), signer("y" * 32)):
        with pytest.raises(SecretUnreadable):
            thief.headers(endpoint, EVENT, b"", NOW)


def test_an_old_secret_that_cannot_be_opened_does_not_keep_the_new_one_from_signing() -> None:
    endpoint = replace(
        endpoint_of(signer(SEAL_KEY), SECRET),
        old_sealed_secret=signer("y" * 32).seal("whe_1", OWN.new_secret()),
        old_secret_ends_at=int(NOW) + 100,
    )
    body = event_body(EVENT)
    unwrapped(signer(SEAL_KEY).headers(endpoint, EVENT, body, NOW), body, SECRET)


def test_what_was_sealed_before_there_was_a_gateways_secret_stays_readable() -> None:
    assert signer(SEAL_KEY).headers(endpoint_of(OWN, SECRET), EVENT, b"", NOW)


# Sending


def test_an_event_is_sent_and_that_is_written() -> None:
    store, sender = ScriptedStore(), ScriptedSender(Receipt(204, duration_s=0.25))
    dispatcher(store, sender).deliver(delivery())
    ((url, body, headers),) = sender.sent
    assert url == "https://a.example/"
    assert body == (
        b'{"id":"evt_1","object":"event","type":"response.completed","created_at":1764400000,'
        b'"data":{"id":"resp_1"}}'
    )
    unwrapped(headers, body, SECRET)
    ((entry, failed, _),) = store.settled
    assert (entry.outcome, entry.status, entry.duration_ms, failed) == (
        "delivered",
        204,
        250,
        False,
    )
    assert entry.next_at is None


@pytest.mark.parametrize(
    ("receipt", "next_s", "quiet_s"),
    [
        (Receipt(500), 5.0, 0.0),
        (Receipt(307), 5.0, 0.0),
        (Receipt(fault="timeout"), 5.0, 0.0),
        (Receipt(429, retry_after_s=90.0), 90.0, 90.0),
        (Receipt(503, retry_after_s=10.0**6), 3600.0, 3600.0),
    ],
)
def test_what_was_not_taken_is_tried_again(receipt: Receipt, next_s: float, quiet_s: float) -> None:
    store = ScriptedStore()
    dispatcher(store, ScriptedSender(receipt)).deliver(delivery())
    ((entry, failed, quiet_until),) = store.settled
    assert (entry.outcome, failed) == ("retried", True)
    assert (entry.status, entry.error) == (receipt.status, receipt.fault)
    assert entry.next_at is not None
    assert round(entry.next_at - NOW) == round(next_s)
    assert round(quiet_until - NOW) == round(quiet_s)


def test_after_a_day_it_has_failed() -> None:
    store, sender = ScriptedStore(), ScriptedSender(Receipt(500))
    old = replace(EVENT, created_at=int(NOW) - 24 * 3600 - 1)
    dispatcher(store, sender).deliver(replace(delivery(30), event=old))
    ((entry, _, _),) = store.settled
    assert (entry.outcome, entry.next_at) == ("failed", None)


def test_to_a_disabled_account_nothing_is_sent_yet() -> None:
    store, sender = ScriptedStore(), ScriptedSender(Receipt(200))
    dispatcher(store, sender, is_active=lambda name: name != "acme").deliver(delivery())
    ((entry, _, _),) = store.settled
    assert (entry.outcome, entry.error, sender.sent) == ("retried", "account_disabled", [])


def test_without_its_secret_nothing_is_sent_and_the_log_says_why() -> None:
    store, sender = ScriptedStore(), ScriptedSender(Receipt(200))
    stranger = signer(deployment=b"e" * 32)
    dispatcher(store, sender, own=stranger).deliver(delivery())
    ((entry, _, _),) = store.settled
    assert (entry.outcome, entry.error, sender.sent) == ("retried", "secret_unreadable", [])


def test_an_attempt_is_a_line_without_url_or_secret() -> None:
    with capture_logs() as lines:
        dispatcher(ScriptedStore(), ScriptedSender(Receipt(500))).deliver(delivery(3))
    (line,) = lines
    assert line["event"] == "webhook_retried"
    assert (line["endpoint_id"], line["event_id"], line["attempt"], line["status"]) == (
        "whe_1",
        "evt_1",
        3,
        500,
    )
    assert "a.example" not in str(line)
    assert SECRET not in str(line)


# Many


def ran(store: ScriptedStore, sender: ScriptedSender, capacity: int = 4) -> Dispatcher:
    made = dispatcher(store, sender, capacity=capacity)
    made.begin()
    return made


def test_no_more_are_under_way_than_there_is_room_for() -> None:
    go_on = threading.Event()
    sender = ScriptedSender(Receipt(200), wait=lambda: go_on.wait(PATIENCE_S))
    store = ScriptedStore(*[delivery(number=n) for n in range(9)])
    running = ran(store, sender)
    until(lambda: len(sender.sent) == 4, "four to be sent")
    running.begin()
    assert (len(sender.sent), len(store.due)) == (4, 5)
    go_on.set()
    running.finish(10)
    while store.due:
        running.begin()
        running.finish(10)
    assert len(store.settled) == 9


def test_a_bug_in_one_delivery_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    bugs = []
    monkeypatch.setattr(dispatching, "unexpected", lambda bug, *_: bugs.append(bug))
    outcomes: list[Exception | None] = [RuntimeError("bug"), None]

    def work() -> None:
        fault = outcomes.pop(0)
        if fault is not None:
            raise fault

    store = ScriptedStore(delivery(), delivery(number=2))
    ran(store, ScriptedSender(Receipt(200), wait=work)).finish(10)
    assert (len(bugs), len(store.settled)) == (1, 1)


def test_where_there_is_no_thread_left_the_room_is_there_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    store, sender = ScriptedStore(delivery(), delivery(number=2)), ScriptedSender(Receipt(200))
    running = dispatcher(store, sender, capacity=1)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        with pytest.raises(RuntimeError):
            running.begin()
    running.begin()
    running.finish(10)
    assert len(store.settled) == 1


def test_a_store_that_is_away_while_it_is_written_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dispatching, "AGAIN_S", 0.0)
    store, sender = ScriptedStore(), ScriptedSender(Receipt(200))
    store.faults = [StorageUnavailable("away")] * 3
    dispatcher(store, sender).deliver(delivery())
    assert (len(store.settled), len(sender.sent)) == (1, 1)


def test_one_that_stays_away_leaves_it_to_the_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatching, "AGAIN_S", 0.0)
    monkeypatch.setattr(dispatching, "SETTLED_S", -1.0)
    store = ScriptedStore()
    store.faults = [StorageUnavailable("away")]
    with pytest.raises(StorageUnavailable):
        dispatcher(store, ScriptedSender(Receipt(200))).deliver(delivery())


def test_it_goes_on_after_an_outage_and_a_bug_until_it_is_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AGAIN_S", "LOOK_S"):
        monkeypatch.setattr(dispatching, name, 0.01)
    monkeypatch.setattr(dispatching, "unexpected", lambda *_: None)
    store, sender = ScriptedStore(delivery()), ScriptedSender(Receipt(200))
    store.faults = [StorageUnavailable("away"), RuntimeError("bug")]
    running = dispatcher(store, sender)
    thread = threading.Thread(target=running.run)
    thread.start()
    until(lambda: len(store.settled) == 1, "the delivery")
    running._stopped.set()
    running.wake()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def test_what_was_dropped_is_said() -> None:
    store = ScriptedStore()
    store.dropped = 7
    with capture_logs() as lines:
        ran(store, ScriptedSender(Receipt(200)))
    assert [(line["event"], line["events"]) for line in lines] == [("webhooks_dropped", 7)]


# Endpoints


class EndpointStore:
    """Keeps endpoints in a dictionary; `races` are changes that others make first."""

    def __init__(self) -> None:
        self.kept: dict[str, WebhookEndpoint] = {}
        self.races: Sequence[Any] = ()
        self.logged: list[AttemptEntry] = []

    def add(self, endpoint: WebhookEndpoint, most: int) -> bool:
        if len(self.kept) >= most:
            return False
        self.kept[endpoint.id] = endpoint
        return True

    def endpoint(self, _: str, endpoint_id: str) -> WebhookEndpoint | None:
        return self.kept.get(endpoint_id)

    def replace(self, before: WebhookEndpoint, after: WebhookEndpoint) -> bool:
        if self.races:
            self.kept[before.id] = replace(self.kept[before.id], **self.races[0])
            self.races = self.races[1:]
        if self.kept[before.id] != before:
            return False
        self.kept[before.id] = after
        return True

    def log(self, _: WebhookEndpoint, entry: AttemptEntry) -> None:
        self.logged.append(entry)


class EndpointBench:
    """The service on such a store; its clock can be set."""

    def __init__(self, *receipts: Receipt) -> None:
        self.now = NOW
        self.reserved: list[str] = []
        self.limit: GatewayError | None = None
        self.store = EndpointStore()
        self.sender = ScriptedSender(*receipts or (Receipt(200),))
        self.service = WebhookEndpoints(
            cast(WebhookStore, self.store),
            OWN,
            Courier(self.sender, OWN, event_body, lambda: self.now),
            WebhookSettings(),
            now=lambda: self.now,
            entropy=os.urandom,
            reserve=self._reserve,
        )
        self.made = self.service.create(ACME, "mine", "https://a.example/", (EVENT.type,))
        self.id = self.made.endpoint.id

    @contextmanager
    def _reserve(self, caller: Caller) -> Iterator[None]:
        if self.limit is not None:
            raise self.limit
        self.reserved.append(caller.account)
        yield
        self.reserved.append("over")


def test_ids_are_in_the_order_in_which_endpoints_were_made() -> None:
    bench = EndpointBench()
    bench.now += 0.002
    later = bench.service.create(ACME, "b", "https://b.example/", (EVENT.type,))
    assert later.endpoint.id > bench.id


def test_a_change_is_dated_and_none_is_not() -> None:
    bench = EndpointBench()
    bench.now += 100
    assert bench.service.update(ACME, bench.id, name="mine").updated_at == int(NOW)
    assert bench.service.update(ACME, bench.id, name="other").updated_at == int(NOW) + 100
    bench.now += 100
    bench.service.rotate_secret(ACME, bench.id)
    assert bench.store.kept[bench.id].updated_at == int(NOW) + 200
    bench.now += 100
    bench.service.test(ACME, bench.id, EVENT.type)
    assert bench.store.kept[bench.id].updated_at == int(NOW) + 200


def test_a_change_meets_anothers() -> None:
    bench = EndpointBench()
    bench.store.races = ({"url": "https://c.example/"},)
    changed = bench.service.update(ACME, bench.id, name="other")
    assert (changed.name, changed.url) == ("other", "https://c.example/")


def test_others_that_never_stop_changing_it_are_said() -> None:
    bench = EndpointBench()
    bench.store.races = [{"name": str(number)} for number in range(20)]
    with pytest.raises(Unavailable):
        bench.service.update(ACME, bench.id, url="https://d.example/")


@pytest.mark.parametrize("keep_old", [True, False])
def test_a_rotation_keeps_the_old_secret_for_a_day_or_not_at_all(*, keep_old: bool) -> None:
    bench = EndpointBench()
    rotated = bench.service.rotate_secret(ACME, bench.id, keep_old=keep_old)
    for after_s, both in ((0, keep_old), (24 * 3600 - 1, keep_old), (24 * 3600 + 1, False)):
        bench.now = NOW + after_s
        bench.service.test(ACME, bench.id, EVENT.type)
        _, body, headers = bench.sender.sent[-1]
        assert len(headers["webhook-signature"].split()) == 1 + both
        unwrapped(headers, body, rotated.signing_secret)
        if both:
            unwrapped(headers, body, bench.made.signing_secret)


def test_a_test_event_is_sent_once_and_logged() -> None:
    bench = EndpointBench(Receipt(500))
    assert bench.service.test(ACME, bench.id, "response.failed") == 500
    (entry,) = bench.store.logged
    assert (entry.attempt, entry.outcome, entry.status) == (0, "failed", 500)
    assert (entry.type, entry.next_at) == ("response.failed", None)


def test_a_test_event_is_a_request_to_the_limits() -> None:
    bench = EndpointBench()
    bench.service.test(ACME, bench.id, EVENT.type)
    assert bench.reserved == ["acme", "over"]
    bench.limit = RateLimited("too many requests")
    with pytest.raises(RateLimited, match="too many requests"):
        bench.service.test(ACME, bench.id, EVENT.type)
    assert len(bench.sender.sent) == len(bench.store.logged) == 1


def test_an_account_sends_few_test_events_a_minute() -> None:
    bench = EndpointBench()
    for _ in range(MOST_TESTS):
        bench.now += 1
        bench.service.test(ACME, bench.id, EVENT.type)
    with pytest.raises(RateLimited, match="sample events") as refused:
        bench.service.test(ACME, bench.id, EVENT.type)
    assert refused.value.retry_after_s == TESTS_WITHIN_S - MOST_TESTS + 2
    assert len(bench.sender.sent) == MOST_TESTS
    bench.service.test(replace(ACME, account="globex"), bench.id, EVENT.type)
    bench.now += TESTS_WITHIN_S
    bench.service.test(ACME, bench.id, EVENT.type)


def test_an_endpoint_that_does_not_answer_a_test_is_said() -> None:
    bench = EndpointBench(Receipt(fault="private_address"))
    with pytest.raises(InvalidRequest, match="no public address") as refused:
        bench.service.test(ACME, bench.id, EVENT.type)
    assert refused.value.param == "url"
    assert bench.store.logged[0].error == "private_address"
