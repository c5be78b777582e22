"""What an earlier release stored is read by this one, and what this one stores by the one before.

The second is held to as far as it can be without the other release: each kind of key and field
that is new stands in a list, with the reason why the release before is not troubled by it.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from app.factory import create_app
from app.settings import Settings
from tests.fixtures.layout.dump import dump, restore, shape
from tests.fixtures.layout.make import Made, environment, make, working
from tests.processes import until
from tests.redis_server import running

LAYOUTS = sorted((Path(__file__).parent.parent / "fixtures" / "layout").glob("*.json"))

#: What this release stores and the one of the newest fixture did not. A release reads its own keys
#: alone, so a new key troubles nobody; a new field must be one that readers pass over.
ADDED = {
    "string rg:store_id": "asked for by who spools",
    "string rg:write_probe": "read by nobody",
    "string rg:{accounts}:secret": "the release before makes it too, once it has reasoning to seal",
    "string rg:{account:acme}:usage:once:*": "for ten minutes; the release before counts without",
    "hash rg:{account:acme}:usage:cost:*": "costs, which the release before knows nothing of",
    "field rg:{account:acme}:usage:cost:* priced_requests:*:local/echo": "as above",
    "stream rg:{requests}": "the request log, which the release before neither reads nor writes",
    "string rg:{requests}:once:*": "for ten minutes",
    "string rg:{jobs}:beat": "when a worker last sent a heartbeat, for doctor",
    "string rg:{jobs}:taken:*": "who took which job, for a lease; the release before takes without",
    "field rg:{*} terms:*": "when a response came; readers pass over what is no response",
    "zset rg:responses:acme": "responses by when they came; the release before walks trees",
    "string rg:{expiring}:since": "when the first worker came that looks for what is due",
    "string rg:{expiring}:lease": "whose turn it is to look; for half a minute",
}


class Stored:
    """This release's gateway on what another has stored."""

    def __init__(self, client: redis.Redis, path: Path, env: dict[str, str]) -> None:
        self.facts: dict[str, Any] = json.loads(path.read_text())
        restore(client, self.facts["keys"])
        self.client = client
        self.answers: dict[str, Any] = self.facts["answers"]
        app = create_app(Settings.from_env(env))
        self.gateway = Made(app, env, self.facts["key"], self.facts["ids"])


@pytest.fixture(scope="module", params=LAYOUTS, ids=lambda path: path.stem)
def stored(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stored]:
    """One gateway for the tests that only read, then for those that go on."""
    spool = tmp_path_factory.mktemp("spool")
    with running() as url, redis.Redis.from_url(url) as client:
        stored = Stored(client, request.param, environment(url, spool))
        for name, data in stored.facts["spool"].items():
            (spool / name).write_bytes(b64decode(data))
        yield stored


def differing(before: Any, now: Any) -> dict[str, Any]:
    """Return what was said before and is not any more; more may be said."""
    return {
        name: (value, now.get(name)) for name, value in before.items() if now.get(name) != value
    }


def test_every_response_is_told_as_it_was(stored: Stored) -> None:
    for name, before in stored.answers["shown"].items():
        assert differing(before, stored.gateway.shown(name)) == {}, name


def test_what_models_saw_is_listed_as_it_was(stored: Stored) -> None:
    for name, before in stored.answers["items"].items():
        assert stored.gateway.items(name) == before, name


def test_what_was_deleted_stays_that(stored: Stored) -> None:
    for name in ("deleted", "purged"):
        path = f"/v1/responses/{stored.gateway.ids[name]}"
        assert stored.gateway.call("GET", path).status_code == 404, name


def test_events_can_be_followed_as_they_were(stored: Stored) -> None:
    for name, before in stored.answers["events"].items():
        assert stored.gateway.events(name) == before, name


def test_what_was_used_is_known(stored: Stored) -> None:
    before = stored.answers["usage"]
    now = stored.gateway.usage(before[0]["date"])
    assert [differing(old, new) for old, new in zip(before, now, strict=True)] == [{}]


def test_what_was_spooled_is_found(stored: Stored) -> None:
    path = f"/v1/responses/{stored.gateway.ids['spooled']}"
    until(lambda: stored.gateway.call("GET", path).status_code == 200, "the spool to be delivered")


# From here on it goes on.


@pytest.mark.parametrize("name", ["first", "answered", "forked", "homeless", "orphan", "child"])
def test_every_conversation_can_be_continued(stored: Stored, name: str) -> None:
    gateway, parent = stored.gateway, stored.gateway.ids[name]
    gateway.create(f"{name} again", "and then?", previous_response_id=parent)
    seen = [item["id"] for item in gateway.items(f"{name} again")]
    said = [item["id"] for item in gateway.shown(name)["output"]]
    before = [item["id"] for item in gateway.items(name)]
    assert seen[:-1] == [*before, *said]


def test_jobs_go_on_and_come_to_an_end(stored: Stored) -> None:
    gateway = stored.gateway
    begun = gateway.shown("running")["output"]
    with working(gateway.env):
        until(
            lambda: (
                {gateway.shown(name)["status"] for name in ("waiting", "running")}
                == {"completed", "failed"}
            ),
            "the jobs to end",
        )
    assert gateway.shown("waiting")["output_text"] == "still to be said"
    assert gateway.shown("running")["output"][0]["id"] == begun[0]["id"]


def test_what_was_stored_can_be_deleted(stored: Stored) -> None:
    path = f"/v1/responses/{stored.gateway.ids['cut']}"
    assert stored.gateway.call("DELETE", path).status_code == 200
    assert stored.gateway.call("GET", path).status_code == 404


def test_what_is_stored_now_the_release_before_can_read(tmp_path: Path) -> None:
    before = json.loads(LAYOUTS[-1].read_text())
    with running() as url, redis.Redis.from_url(url) as client:
        make(environment(url, tmp_path))
        now = dump(client)
    assert shape(now) - shape(before["keys"]) <= ADDED.keys()
    assert shape(before["keys"]) <= shape(now)
