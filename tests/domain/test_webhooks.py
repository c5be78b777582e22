"""Which addresses are public, and when an event is tried again."""

from __future__ import annotations

import pytest

from app.domain.webhooks.addresses import is_public
from app.domain.webhooks.deliveries import Delivery, Receipt, retry_at
from app.domain.webhooks.endpoints import WebhookEndpoint, WebhookEvent, event_id

DAY_S = 24 * 3600
ENDPOINT = WebhookEndpoint("whe_1", "acme", "mine", "https://a.example/", (), 0, 0, "", "")
REFUSED = Receipt(status=500)


def delivery(attempt: int) -> Delivery:
    return Delivery(ENDPOINT, WebhookEvent("evt_1", "response.completed", 1000, "resp_1"), attempt)


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "1.1.1.1",
        "2606:4700:4700::1111",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "3fff:1000::1",
    ],
)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",  # noqa: S104 - nothing is bound to it
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "3fff::1",
        "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:7f00:1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "receiver.example",
        "",
    ],
)
def test_an_address_of_a_host_a_network_or_a_cloud_is_not(address: str) -> None:
    assert not is_public(address)


def test_pauses_double_up_to_an_hour() -> None:
    pauses = [retry_at(delivery(n), REFUSED, 2000.0, 0.0) for n in range(1, 14)]
    assert [each and each - 2000 for each in pauses] == [
        *(5.0 * 2**n for n in range(10)),
        3600.0,
        3600.0,
        3600.0,
    ]


def test_chance_makes_a_pause_shorter_by_up_to_a_half() -> None:
    assert retry_at(delivery(3), REFUSED, 2000.0, 1.0) == 2010.0


def test_what_a_receiver_wants_is_waited_for_up_to_an_hour() -> None:
    wanted = [retry_at(delivery(1), Receipt(429, None, s), 2000.0, 0.0) for s in (1, 90, 10**9)]
    assert wanted == [2005.0, 2090.0, 5600.0]


def test_the_last_attempt_is_when_the_day_is_over() -> None:
    end = 1000 + DAY_S
    assert retry_at(delivery(40), REFUSED, end - 10.0, 0.0) == end
    assert retry_at(delivery(41), REFUSED, float(end), 0.0) is None


def test_a_thousandth_attempt_has_a_pause_too() -> None:
    assert retry_at(delivery(1000), REFUSED, 2000.0, 0.0) == 5600.0


@pytest.mark.parametrize(("status", "taken"), [(200, True), (204, True), (299, True)])
@pytest.mark.parametrize("other", [199, 300, 301, 404, 410, 429, 500])
def test_only_a_status_of_success_takes_an_event(status: int, other: int, *, taken: bool) -> None:
    assert Receipt(status).is_taken is taken
    assert not Receipt(other).is_taken


def test_an_event_that_is_found_out_twice_has_one_id() -> None:
    assert event_id("resp_1", "response.failed") == event_id("resp_1", "response.failed")
    ids = {event_id(i, t) for i in ("resp_1", "resp_2") for t in ("a.b", "a.c")}
    assert len(ids) == 4
