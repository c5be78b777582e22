"""A provider's key is replaced while the gateway runs: by a command, a file, and a refusal (N7)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.gateway import DEFAULT_FIRST, Keys
from tests.e2e.stops import Site, site
from tests.processes import until
from tests.upstream.client import Upstream
from tests.upstream.script import Fail, Script

REFUSED = Script(fail=Fail(status=401))


@pytest.fixture(params=DEFAULT_FIRST)
def keyed(
    request: pytest.FixtureRequest,
    environment: dict[str, str],
    upstream: Upstream,
    keys: Keys,
    tmp_path: Path,
) -> Iterator[Site]:
    """A gateway whose one provider has keys from a file and from a command."""
    upstream.reset()
    for name in ("file", "command"):
        (tmp_path / name).write_text(f"key-of-{name}\n")
    toml = f"""\
[providers.pool]
api = "chat_completions"
base_url = "{upstream.places.url}/v1"
api_key_refresh_s = 1
[[providers.pool.keys]]
id = "file"
api_key_file = "file"
[[providers.pool.keys]]
id = "command"
api_key_command = ["sh", "-c", "echo key-of-noise >&2; cat command"]
"""
    with site(environment, keys, tmp_path, toml, worker_class=request.param) as running:
        yield running


def sent(running: Site, upstream: Upstream, tag: str) -> list[str]:
    """Ask once; return the keys that the upstream was sent for it."""
    body = {"model": "pool/m", "input": Script(tag=tag).text()}
    response = running.gateway.call("POST", "/v1/responses", body)
    assert response.status_code == 200, response.text
    headers = (
        each["headers"] for each in upstream.requests() if each["path"] == "/v1/chat/completions"
    )
    found = [each["authorization"].removeprefix("Bearer ") for each in headers]
    upstream.reset()
    return found


def test_keys_are_replaced_while_it_runs(keyed: Site, upstream: Upstream) -> None:
    folder = keyed.config.parent
    assert {*sent(keyed, upstream, "a"), *sent(keyed, upstream, "b")} == {
        "key-of-file",
        "key-of-command",
    }
    (folder / "file").write_text("new-of-file\n")
    (folder / "command").write_text("new-of-command\n")
    until(lambda: keyed.log.count('"upstream_key_changed"') == 2, "both keys to be read again")
    assert {*sent(keyed, upstream, "c"), *sent(keyed, upstream, "d")} == {
        "new-of-file",
        "new-of-command",
    }
    # One that is refused rests, and the other is tried at once.
    upstream.arm(REFUSED)
    first, second = sent(keyed, upstream, "e")
    assert {first, second} == {"new-of-file", "new-of-command"}
    assert sent(keyed, upstream, "f") == [second]
    line = keyed.gateway.logged(event="upstream_key_rests")
    assert (line["provider"], line["error_code"], line["seconds"]) == ("pool", "refused", 300)
    assert line["upstream_key"] == first.removeprefix("new-of-")
    assert keyed.gateway.log_lines(event="request", upstream_key=second.removeprefix("new-of-"))
    # A command that fails leaves the key as it is.
    (folder / "command").unlink()
    until(lambda: '"upstream_key_unreadable"' in keyed.log, "the command to fail")
    assert keyed.gateway.logged(event="upstream_key_unreadable")["reason"] == "ended with status 1"
    assert sent(keyed, upstream, "g") == [second]
    assert not any(word in keyed.log for word in ("key-of-", "new-of-"))
