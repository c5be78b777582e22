"""The `responses` commands, on a real Redis."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from app.api import context
from app.cli.accounts import accounts, audit
from app.cli.common import confirmation
from app.cli.responses import responses
from app.errors import StorageUnavailable, Unconfirmed
from app.factory import create_app
from app.settings import ProviderSettings, RedisSettings, Settings
from app.store.connection.client import Client, connect
from app.store.responses.archive_base import Purged
from app.store.responses.archive_redis import RedisArchive
from app.store.responses.purging import Purging
from app.store.responses.redis import RedisStore
from app.store.spool.files import Spool
from tests.api.conftest import asker
from tests.cli.operating import Operator
from tests.store.servers import everything
from tests.store.turns import next_id, turn

TEXT = "the-cat-is-called-Muffin"
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()


class House(Operator):
    """A whole gateway in this process, with the account acme."""

    def __init__(self, redis_url: str, spool_dir: Path) -> None:
        self.app: Flask = create_app(
            Settings(
                providers=(ProviderSettings(name="local", api="local"),),
                redis=RedisSettings(url=redis_url, prefix="house:"),
                spool_dir=spool_dir,
                log_level="CRITICAL",
            )
        )
        with self.app.app_context():
            delivery = context.services().spool
        delivery.identify()
        self.spool: Spool = delivery.folders.own()
        self.acme = asker(self.app, "acme")

    def lines(self, command: str, *args: str) -> list[Any]:
        """Return the lines of JSON that a command prints."""
        output = self.reads(responses, command, "--account", "acme", *args)
        return [json.loads(line) for line in output.splitlines()]

    def deleted(self, **body: object) -> str:
        """Make a response and delete it; return its id."""
        response_id = self.acme.create(**body)
        assert self.acme.ask("DELETE", f"/v1/responses/{response_id}").status_code == 200
        return response_id

    def purges(self) -> int:
        """Purge what was deleted so far, and return how much that was."""
        output = self.reads(responses, "purge", "--deleted-before", TOMORROW, "--json", "--yes")
        purged: int = json.loads(output)["destroyed"]
        return purged

    def written(self) -> None:
        """Have what waits to be written of use be written."""
        with self.app.app_context():
            context.services().meter.book.flush()

    def logged(self) -> set[str]:
        """Return what the request log names: responses, and requests without one."""
        with self.app.app_context():
            entries = list(context.services().request_log.newest())
        return {str(entry.response_id or entry.request_id) for entry in entries}

    def audited(self) -> list[tuple[str, str, str]]:
        """Return what the audit log says was done to what, how; the newest last."""
        entries = [json.loads(line) for line in self.reads(audit, "export").splitlines()]
        return [(entry["action"], entry["subject"], entry["detail"]) for entry in entries]


@pytest.fixture
def client(own_redis_url: str) -> Iterator[Client]:
    with connect(RedisSettings(url=own_redis_url)) as client:
        client.flushall()
        yield client


@pytest.fixture
def house(client: Client, own_redis_url: str, tmp_path: Path) -> Iterator[House]:
    house = House(own_redis_url, tmp_path / "spool")
    yield house
    house.written()  # or it would be written into the next test


def spooled(house: House) -> bytes:
    """Return all that the spool holds, names included."""
    folder = house.spool.directory
    files = sorted(folder.iterdir()) if folder.exists() else []
    return b"\0".join(part for file in files for part in (file.name.encode(), file.read_bytes()))


def dumped(client: Client) -> dict[bytes, bytes]:
    """Return all that Redis holds but for what was used, which is written when there is time."""
    late = (b":usage:", b"{requests}")
    keys = [key for key in client.scan_iter() if not any(each in key for each in late)]
    return {key: client.dump(key) for key in keys}  # type: ignore[misc]  # redis-py's


# list


def test_list_is_a_table(house: House) -> None:
    kept, gone = house.acme.create(), house.deleted()
    titles, *rows = house.reads(responses, "list", "--account", "acme").splitlines()
    assert titles.split() == ["ID", "STATUS", "CREATED", "DELETED", "MODEL"]
    cells = {row.split()[0]: row.split()[1:] for row in rows}
    assert cells[kept][-2:] == ["-", "local/echo"]
    assert cells[gone][-3:-1] != ["-", "-"]


def test_a_model_named_by_a_caller_neither_steers_the_terminal_nor_ends_its_row(
    house: House,
) -> None:
    model = "local/echo\x9b31m\u202e\nresp_forged"
    late = turn()
    late = replace(late, response=replace(late.response, model=model))
    house.spool.put(late)
    _, row = house.reads(responses, "list", "--account", "acme").splitlines()
    assert row.isprintable()
    shown = house.reads(responses, "show", late.response.id)
    assert shown.replace("\n", "").isprintable()
    assert json.loads(shown)["response"]["model"] == model


@pytest.mark.parametrize("words", [("list", "--json"), ("export",)], ids=" ".join)
def test_no_line_of_json_steers_the_terminal(house: House, words: tuple[str, ...]) -> None:
    model = "local/echo\x9b31m\u202e\nresp_forged"
    late = turn()
    house.spool.put(replace(late, response=replace(late.response, model=model)))
    (line,) = house.reads(responses, *words, "--account", "acme").splitlines()
    assert line.isprintable()
    found = json.loads(line)
    assert found.get("response", found)["model"] == model


def test_list_prints_json_a_line_each_and_no_content(house: House) -> None:
    kept = house.acme.create(input=TEXT)
    output = house.reads(responses, "list", "--account", "acme", "--json")
    line = json.loads(output)
    assert {name: line[name] for name in ("id", "status", "model", "deleted_at", "purged")} == {
        "id": kept,
        "status": "completed",
        "model": "local/echo",
        "deleted_at": None,
        "purged": False,
    }
    assert TEXT not in output


def test_list_tells_what_was_purged(house: House) -> None:
    gone = house.deleted()
    house.purges()
    (row,) = house.reads(responses, "list", "--account", "acme").splitlines()[1:]
    assert row.split()[0] == gone
    assert row.endswith("(purged)")


def test_list_has_what_still_waits_in_the_spool(house: House) -> None:
    late = turn()
    house.spool.put(late)
    assert [line["id"] for line in house.lines("list", "--json")] == [late.response.id]


@pytest.mark.parametrize("command", ["list", "export", "purge"])
def test_an_account_that_is_not_there_is_one_line_on_stderr(house: House, command: str) -> None:
    result = house.runs(responses, command, "--account", "nobody")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: Account 'nobody' not found.\n"


def test_stderr_stays_empty_where_it_is_no_terminal(house: House) -> None:
    house.acme.create()
    assert house.runs(responses, "list", "--account", "acme").stderr == ""


# show


def test_relist_has_the_console_list_what_an_earlier_release_stored(
    house: House, client: Client
) -> None:
    made = house.acme.create()
    client.delete("house:responses:acme")
    assert house.acme.ask("GET", "/console/api/responses").get_json()["data"] == []
    assert house.reads(responses, "relist") == "acme 1 responses listed\n"
    assert house.reads(responses, "relist", "--account", "acme") == "acme 1 responses listed\n"
    (row,) = house.acme.ask("GET", "/console/api/responses").get_json()["data"]
    assert row["id"] == made
    assert house.runs(responses, "relist", "--account", "nobody").exit_code == 1


def test_show_prints_all_of_a_response_whoevers_it_is(house: House) -> None:
    response_id = house.acme.create(input="Hi")
    shown = json.loads(house.reads(responses, "show", response_id))
    assert (shown["id"], shown["account"]) == (response_id, "acme")
    assert shown["input"][0]["content"] == [{"type": "input_text", "text": "Hi"}]
    assert shown["response"]["status"] == "completed"


def test_show_prints_what_was_deleted(house: House) -> None:
    shown = json.loads(house.reads(responses, "show", house.deleted()))
    assert shown["deleted_at"] is not None
    assert shown["response"]["output"]


def test_show_prints_a_tombstone(house: House) -> None:
    gone = house.deleted()
    house.purges()
    shown = json.loads(house.reads(responses, "show", gone))
    assert shown["purged"] is True
    assert "response" not in shown


def test_show_prints_what_still_waits(house: House) -> None:
    waiting = house.acme.create(background=True)
    shown = json.loads(house.reads(responses, "show", waiting))
    assert (shown["status"], shown["response"]["status"]) == ("queued", "queued")


@pytest.mark.parametrize("command", ["show", "delete"])
def test_a_response_that_is_not_there_is_one_line_on_stderr(house: House, command: str) -> None:
    result = house.runs(responses, command, next_id(turn().response.id))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.endswith("not found.\n")


# delete


def test_delete_hides_a_response_from_its_account(house: House) -> None:
    response_id = house.acme.create()
    assert house.reads(responses, "delete", response_id) == f"{response_id} deleted\n"
    assert house.acme.ask("GET", f"/v1/responses/{response_id}").status_code == 404


def test_delete_cancels_what_still_waits(house: House) -> None:
    waiting = house.acme.create(background=True)
    house.reads(responses, "delete", waiting)
    shown = json.loads(house.reads(responses, "show", waiting))
    assert (shown["status"], shown["deleted_at"] is None) == ("cancelled", False)


def test_delete_can_be_repeated(house: House) -> None:
    one, other = house.acme.create(), house.acme.create()
    house.reads(responses, "delete", one)
    output = house.reads(responses, "delete", one, other).splitlines()
    assert output == [f"{one} was already deleted", f"{other} deleted"]


def test_a_deletion_is_audited_once(house: House) -> None:
    response_id = house.acme.create()
    for _ in range(2):
        house.reads(responses, "delete", response_id)
    assert house.audited()[2:] == [("response.delete", response_id, "acme")]


# purge --deleted-before


def test_nothing_of_a_purged_text_is_left(house: House, client: Client) -> None:
    named = {"type": "message", "role": "user", "content": TEXT, "id": f"msg_{TEXT}"}
    again = {"input": TEXT, "instructions": TEXT * 20}
    gone = {
        house.deleted(input=[named]),
        first := house.acme.create(**again),
        house.deleted(previous_response_id=first, **again),
        house.deleted(background=True, **again),
    }
    house.acme.ask("DELETE", f"/v1/responses/{first}")
    assert TEXT.encode() in everything(client)
    assert house.purges() == len(gone)
    assert {line["id"] for line in house.lines("list", "--json")} == gone
    assert TEXT.encode() not in everything(client)


@pytest.fixture
def lagging(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replicas that have nothing of what is delivered."""

    def unconfirmed(_store: RedisStore, response_id: str, _wait_s: float) -> None:
        raise Unconfirmed(response_id)

    monkeypatch.setattr(RedisStore, "confirm", unconfirmed)


@pytest.mark.usefixtures("lagging")
def test_a_purge_covers_what_waits_in_the_spool_for_replicas(house: House, client: Client) -> None:
    gone, kept = turn(TEXT), turn()
    house.spool.put(gone)
    house.spool.put(kept)
    assert house.acme.ask("GET", f"/v1/responses/{gone.response.id}").status_code == 200
    # By another machine, so that it stays here.
    RedisStore(client, "house:").delete("acme", gone.response.id)
    assert house.spool.waiting() == [gone.response.id, kept.response.id]
    assert house.purges() == 1
    assert house.spool.waiting() == [kept.response.id]
    assert TEXT.encode() not in everything(client)


def test_a_purge_takes_what_it_destroys_out_of_the_request_log(house: House) -> None:
    kept, gone = house.acme.create(), house.deleted()
    house.written()
    assert {gone, kept} <= house.logged()
    house.purges()
    assert gone not in house.logged()
    assert kept in house.logged()


def test_a_purge_leaves_what_was_not_deleted(house: House) -> None:
    kept = house.acme.create(input=TEXT)
    house.deleted()
    house.purges()
    assert house.acme.ask("GET", f"/v1/responses/{kept}").status_code == 200


def test_a_purge_of_before_today_leaves_what_was_deleted_today(house: House) -> None:
    house.deleted()
    today = datetime.now(UTC).date().isoformat()
    output = house.reads(responses, "purge", "--deleted-before", today, "--yes")
    assert output == "Responses destroyed: 0\n"


def test_a_dry_run_of_a_purge_says_how_much_and_changes_nothing(
    house: House, client: Client
) -> None:
    house.deleted(input=TEXT)
    before = dumped(client)
    output = house.reads(responses, "purge", "--deleted-before", TOMORROW, "--dry-run")
    assert output == "Responses to destroy: 1\n"
    assert dumped(client) == before


def test_a_purge_is_audited_before_and_after(house: House) -> None:
    house.deleted()
    house.purges()
    what = f"deleted before {TOMORROW}T00:00:00Z"
    assert house.audited()[2:] == [
        ("responses.purge", what, "begun"),
        ("responses.purge", what, "responses destroyed: 1"),
    ]


def test_a_purge_that_is_interrupted_says_how_far_it_came_and_can_be_repeated(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        house.deleted()
    purge = Purging.purge
    begun: list[str] = []

    def interrupted(purging: Purging, any_id: str, *more: int, **asks: bool) -> Purged | None:
        if begun:
            raise KeyboardInterrupt
        begun.append(any_id)
        return purge(purging, any_id, *more, **asks)

    with monkeypatch.context() as patch:
        patch.setattr(Purging, "purge", interrupted)
        assert house.runs(responses, "purge", "--deleted-before", TOMORROW, "--yes").exit_code == 1
    assert house.audited()[-1][2] == "responses destroyed: 1"
    assert house.purges() == 2


def test_a_redis_that_keeps_its_files_as_they_are_is_told_of(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RedisArchive, "rewrite", lambda _: False)
    result = house.runs(responses, "purge", "--deleted-before", TOMORROW, "--yes")
    assert "BGREWRITEAOF" in result.stderr


@pytest.mark.parametrize("named", [(), ("--deleted-before", TOMORROW, "--account", "acme")])
def test_a_purge_is_of_deleted_responses_or_of_an_account(
    house: House, named: tuple[str, ...]
) -> None:
    assert house.runs(responses, "purge", *named, "--yes").exit_code == 2


# purge --account


def test_an_erasure_takes_the_account_out_of_the_request_log(house: House) -> None:
    other = asker(house.app, "other").create()
    house.acme.create()
    house.acme.create(background=True)
    house.acme.ask("GET", "/v1/responses/resp_unknown")
    house.written()
    house.reads(responses, "purge", "--account", "acme", "--yes")
    house.written()
    assert house.logged() == {other}


def test_nothing_that_an_account_stored_survives_its_erasure(house: House, client: Client) -> None:
    first = house.acme.create(input=TEXT)
    house.acme.create(input=TEXT, previous_response_id=first)
    house.deleted(input=TEXT)
    waiting = house.acme.create(background=True, input=TEXT)
    house.spool.put(turn(TEXT))
    house.reads(accounts, "disable", "acme")
    house.reads(responses, "purge", "--account", "acme", "--yes")
    left = everything(client)
    assert [text for text in (TEXT, first, waiting) if text.encode() in left] == []
    assert spooled(house) == b""


@pytest.mark.usefixtures("lagging")
def test_an_erasure_covers_what_waits_in_the_spool_for_replicas(
    house: House, client: Client
) -> None:
    other = turn(account="other")
    for each in (turn(TEXT), other):
        house.spool.put(each)
    house.reads(responses, "purge", "--account", "acme", "--yes")
    assert house.spool.waiting() == [other.response.id]
    assert TEXT.encode() not in everything(client)


def test_an_erasure_leaves_other_accounts_alone(house: House) -> None:
    other = asker(house.app, "other")
    kept = other.create()
    waiting = other.create(background=True)
    house.reads(responses, "purge", "--account", "acme", "--yes")
    assert other.ask("GET", f"/v1/responses/{kept}").status_code == 200
    assert other.ask("GET", f"/v1/responses/{waiting}").json["status"] == "queued"  # type: ignore[index]  # JSON


def test_an_erasure_of_an_open_account_is_warned_of(house: House) -> None:
    assert "acme is enabled" in house.runs(responses, "purge", "--account", "acme", "--yes").stderr
    house.reads(accounts, "disable", "acme")
    assert "is enabled" not in house.runs(responses, "purge", "--account", "acme", "--yes").stderr


def test_a_dry_run_of_an_erasure_changes_nothing(house: House, client: Client) -> None:
    house.acme.create()
    before = dumped(client)
    output = house.reads(responses, "purge", "--account", "acme", "--dry-run")
    assert output == "Conversations to destroy: 1\n"
    assert dumped(client) == before


def test_an_erasure_is_audited_before_and_after(house: House) -> None:
    house.acme.create()
    house.reads(responses, "purge", "--account", "acme", "--yes")
    assert house.audited()[2:] == [
        ("responses.erase", "acme", "begun"),
        ("responses.erase", "acme", "conversations destroyed: 1"),
    ]


# export


def test_an_export_has_every_response_with_its_input(house: House) -> None:
    first = house.acme.create(input="Hi")
    second = house.acme.create(input="And then?", previous_response_id=first)
    exported = house.lines("export")
    assert [line["id"] for line in exported] == [first, second]
    assert [line["input"][0]["content"][0]["text"] for line in exported] == ["Hi", "And then?"]
    assert all(line["response"]["output"] for line in exported)


def test_an_export_is_of_one_account(house: House) -> None:
    asker(house.app, "other").create()
    assert house.lines("export") == []


def test_a_store_that_is_away_is_one_line_on_stderr(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise StorageUnavailable("away")

    monkeypatch.setattr(RedisArchive, "_layout", away)
    house.acme.create()
    result = house.runs(responses, "export", "--account", "acme")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.endswith("Error: away\n")


@pytest.mark.parametrize("named", [("--account", "acme"), ("--deleted-before", TOMORROW)])
def test_nothing_is_destroyed_where_nobody_can_be_asked(
    house: House, named: tuple[str, ...]
) -> None:
    house.deleted(input=TEXT)
    refused = house.runs(responses, "purge", *named)
    assert refused.exit_code == 2
    assert "--yes" in refused.stderr
    assert "--dry-run" in refused.stderr
    assert house.purges() == 1


@pytest.mark.parametrize(("said", "left", "status"), [("n\n", 1, 1), ("", 1, 1), ("y\n", 0, 0)])
def test_at_a_terminal_it_asks(
    house: House, monkeypatch: pytest.MonkeyPatch, said: str, left: int, status: int
) -> None:
    house.deleted(input=TEXT)
    terminal = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr(confirmation, "sys", terminal)
    result = house.runs(responses, "purge", "--deleted-before", TOMORROW, said=said)
    assert "Deleted responses to destroy: 1." in result.stderr
    assert (result.exit_code, house.purges()) == (status, left)


def test_a_dry_run_is_not_asked_about(house: House) -> None:
    house.deleted(input=TEXT)
    assert house.runs(responses, "purge", "--account", "acme", "--dry-run").exit_code == 0
