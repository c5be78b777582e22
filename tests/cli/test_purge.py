"""`responses purge` by age and by end user, on a real Redis."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import Result

from app.api import context
from app.cli.responses import responses
from app.services.retention.copies import Copies
from app.store.connection.client import Client
from app.store.retention.redis import RedisRetention
from tests.api.conftest import asker
from tests.api.test_idempotency import ask
from tests.cli.test_responses import TEXT, TOMORROW, House, client, dumped, house
from tests.store.kills import Killed
from tests.store.servers import everything

__all__ = ["client", "house"]

WHO = "user-4711"
YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
BY_AGE = ("--created-before", TOMORROW)
BY_USER = ("--safety-identifier", WHO)


def purge(house: House, *named: str) -> int:
    """Purge, and return how much that was."""
    output = house.reads(responses, "purge", *named, "--json", "--yes")
    destroyed: int = json.loads(output)["destroyed"]
    return destroyed


def refused(house: House, *named: str) -> Result:
    result = house.runs(responses, "purge", *named)
    assert result.exit_code == 2, result.output
    return result


@pytest.mark.parametrize("named", [BY_AGE, BY_USER], ids=["age", "user"])
def test_nothing_of_a_text_is_left(house: House, client: Client, named: tuple[str, ...]) -> None:
    given = [{"type": "message", "role": "user", "content": TEXT, "id": f"msg_{TEXT}"}]
    again = {"instructions": TEXT * 20, "safety_identifier": WHO, "metadata": {"about": TEXT}}
    first = house.acme.create(input=given, **again)
    house.acme.create(previous_response_id=first, input=TEXT, **again)
    assert b"resp_" in ask(house.acme, "k1", input=TEXT, stream=True, **again).get_data()
    ask(house.acme, "k2", input=TEXT, background=True, **again)  # nobody works here: it waits
    assert TEXT.encode() in everything(client)
    assert purge(house, *named) == 4
    left = everything(client)
    assert TEXT.encode() not in left
    assert b"copies:" not in left
    assert purge(house, *named) == 0


def test_by_age_only_what_is_older_goes(house: House) -> None:
    made = house.acme.create()
    assert purge(house, "--created-before", YESTERDAY) == 0
    assert house.acme.ask("GET", f"/v1/responses/{made}").status_code == 200
    assert purge(house, *BY_AGE) == 1
    assert house.acme.ask("GET", f"/v1/responses/{made}").status_code == 404


def test_by_user_only_what_is_theirs_goes(house: House) -> None:
    theirs = house.acme.create(safety_identifier=WHO)
    as_user = house.acme.create(user=WHO)
    others = [
        house.acme.create(),
        house.acme.create(safety_identifier="user-4712", user=WHO),
        house.acme.create(previous_response_id=theirs),
    ]
    assert purge(house, *BY_USER) == 2
    for each in others:
        assert house.acme.ask("GET", f"/v1/responses/{each}").status_code == 200
    for each in (theirs, as_user):
        assert house.acme.ask("GET", f"/v1/responses/{each}").status_code == 404


@pytest.mark.parametrize("named", [BY_AGE, BY_USER], ids=["age", "user"])
def test_an_accounts_own_is_purged_by_itself(house: House, named: tuple[str, ...]) -> None:
    other = asker(house.app, "other")
    for who in (house.acme, other):
        who.create(safety_identifier=WHO)
    assert purge(house, *named, "--account", "acme") == 1
    assert purge(house, *named) == 1
    unknown = house.runs(responses, "purge", *named, "--account", "nobody", "--yes")
    assert (unknown.exit_code, unknown.stderr) == (1, "Error: Account 'nobody' not found.\n")


@pytest.mark.parametrize("named", [BY_AGE, BY_USER], ids=["age", "user"])
def test_a_dry_run_says_how_much_and_changes_nothing(
    house: House, client: Client, named: tuple[str, ...]
) -> None:
    house.acme.create(safety_identifier=WHO)
    before = dumped(client)
    said = json.loads(house.reads(responses, "purge", *named, "--dry-run", "--json"))
    assert (said["destroyed"], said["dry_run"]) == (1, True)
    assert dumped(client) == before
    assert "to destroy: 1" in house.reads(responses, "purge", *named, "--dry-run")


@pytest.mark.parametrize("named", [BY_AGE, BY_USER], ids=["age", "user"])
def test_nothing_is_destroyed_where_nobody_can_be_asked(
    house: House, named: tuple[str, ...]
) -> None:
    house.acme.create(safety_identifier=WHO)
    assert "--yes" in refused(house, *named).stderr
    assert purge(house, *named) == 1


@pytest.mark.parametrize(
    "named",
    [
        (),
        (*BY_AGE, *BY_USER),
        (*BY_AGE, "--deleted-before", TOMORROW),
        ("--safety-identifier", ""),
        ("--created-before", "soon"),
    ],
    ids=str,
)
def test_one_thing_is_named(house: House, named: tuple[str, ...]) -> None:
    refused(house, *named, "--yes")


def test_what_is_purged_leaves_the_request_log_and_stays_in_the_audit_log(house: House) -> None:
    gone = house.acme.create(safety_identifier=WHO)
    house.written()
    assert gone in house.logged()
    purge(house, *BY_USER)
    house.written()
    assert gone not in house.logged()
    which = "of an end user, account any"
    assert house.audited()[-2:] == [
        ("responses.purge", which, "begun"),
        ("responses.purge", which, "destroyed: 1"),
    ]
    assert WHO not in str(house.audited())


BY_DELETION = ("--deleted-before", TOMORROW)
BY_ACCOUNT = ("--account", "acme")


@pytest.mark.parametrize("step", ["forget", "forget_names"])
@pytest.mark.parametrize("named", [BY_AGE, BY_USER, BY_DELETION], ids=["age", "user", "deletion"])
def test_a_purge_that_was_killed_can_be_repeated(
    house: House, client: Client, named: tuple[str, ...], step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"input": TEXT, "safety_identifier": WHO}
    # Nobody works here: it waits, and the answer that is kept for the key has a copy of it.
    made = ask(house.acme, "k", background=True, **body).get_json()["id"]
    house.acme.ask("POST", f"/v1/responses/{made}/cancel")
    if named == BY_DELETION:
        house.acme.ask("DELETE", f"/v1/responses/{made}")
    house.written()

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Copies, step, killed)
        with pytest.raises(Killed):
            purge(house, *named)
    purge(house, *named)
    left = everything(client)
    assert TEXT.encode() not in left
    assert b"copies:" not in left
    # What a repeated purge did not find, the sweep removes from the log.
    assert house.logged() & {made} <= RedisRetention(client, "house:").unlogged(10)


def test_a_conversation_goes_with_what_is_in_it(house: House, client: Client) -> None:
    item = {"type": "message", "role": "user", "content": TEXT}
    body = {"items": [item], "metadata": {"about": TEXT}}
    conversation = house.acme.ask("POST", "/v1/conversations", body).get_json()["id"]
    house.acme.create(conversation=conversation, input=TEXT)
    assert purge(house, "--created-before", YESTERDAY) == 0
    assert purge(house, *BY_AGE) == 3
    assert TEXT.encode() not in everything(client)
    assert house.acme.ask("GET", f"/v1/conversations/{conversation}").status_code == 404


def spooled(house: House) -> str:
    """Make a response that waits in the spool, too; return its id."""
    made = house.acme.create(input=TEXT, safety_identifier=WHO)
    with house.app.app_context():
        found = context.services().archive.find(made)
    assert found.turn is not None
    house.spool.put(found.turn, is_kept=True)
    return made


@pytest.mark.parametrize("named", [BY_AGE, BY_USER, BY_DELETION, BY_ACCOUNT], ids=" ".join)
def test_a_dry_run_delivers_nothing_that_waits_in_the_spool(
    house: House, client: Client, named: tuple[str, ...]
) -> None:
    made = spooled(house)
    before = dumped(client)
    result = house.runs(responses, "purge", *named, "--dry-run", "--json")
    assert json.loads(result.stdout)["destroyed"] == int(named != BY_DELETION)
    assert "wait in this machine's spool: 1." in result.stderr
    assert house.spool.waiting() == [made]
    assert dumped(client) == before
    refused(house, *named)  # nor does what nobody has said yes to
    assert house.spool.waiting() == [made]


def test_what_waits_in_the_spool_is_purged(house: House, client: Client) -> None:
    spooled(house)
    assert purge(house, *BY_USER) == 1
    assert house.spool.waiting() == []
    assert TEXT.encode() not in everything(client)
