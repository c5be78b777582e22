"""One session of Codex on one upstream format: does each turn run to its end?"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clients.catalog import Client
from clients.codex.sessions import ANSWERS, LIMIT, QUESTIONS, SUMMARY, Session
from clients.site import Format, Site

Json = dict[str, Any]

_PATIENCE_S = 120
#: Codex is told where the gateway is and which key to send; all else is as it comes.
_PROVIDER = """
model = "{model}"
model_provider = "gateway"
[model_providers.gateway]
name = "Gateway"
base_url = "{url}/v1"
wire_api = "responses"
env_key = "GATEWAY_KEY"
"""
#: ... and where it finds the models.
_LISTED = (
    _PROVIDER
    + """model_catalog_url = "{url}/v1/models"
[features]
api_key_model_discovery = true
"""
)
#: ... and that it is OpenAI's, which it asks to compact its history.
_COMPACTING = f"model_auto_compact_token_limit = {LIMIT}" + _PROVIDER.replace(
    '"Gateway"', '"OpenAI"'
)
_BUILTIN = """
model = "{model}"
openai_base_url = "{url}/v1"
"""


@dataclass(frozen=True, slots=True)
class CodexTrial:
    """What is tried: a session."""

    client: Client
    session: Session

    answers = "streamed"

    @property
    def mode(self) -> str:
        return self.session.name

    @property
    def name(self) -> str:
        return f"{self.client.name} {self.mode}"

    def attempt(
        self, site: Site, formats: Sequence[Format], command: Sequence[str]
    ) -> Mapping[str, list[str]]:
        """Run the session on each format, and return what went wrong by format."""
        return {each.name: list(self._faults(site, each, command)) for each in formats}

    def _faults(self, site: Site, format_: Format, command: Sequence[str]) -> Iterator[str]:
        session = self.session
        site.upstream.reset()
        site.upstream.arm(*session.scripts(as_it_is=format_.knows_tools), model=session.model)
        before = len(_requests(site, 426))
        with tempfile.TemporaryDirectory(prefix="codex-") as directory:
            home, work = Path(directory, "home"), Path(directory, "work")
            home.mkdir()
            work.mkdir()
            form = _BUILTIN if session.is_builtin else _PROVIDER
            form = _COMPACTING if session.compacts else form
            model = f"{format_.name}/{session.model}"
            if session.is_listed:
                form, model = _LISTED, format_.listed_model
            (home / "config.toml").write_text(form.format(model=model, url=site.url))
            for question, answer, again in zip(
                QUESTIONS, ANSWERS, ([], ["resume", "--last"]), strict=True
            ):
                said, notes = _run([*command, *_HOW, *again, question], site, home, work)
                if session.is_listed and _NOT_FOUND in notes:
                    yield f"it did not find the model in the catalogue: {notes[-500:]}"
                if said != answer:
                    yield f"to {question!r} it said {said!r}"
                    return
            yield from _file_faults(session, work)
        if session.is_builtin and (tried := len(_requests(site, 426)) - before) != len(QUESTIONS):
            yield f"it tried a WebSocket {tried} times in {len(QUESTIONS)} runs"
        bodies = [each["body"] for each in site.upstream.requests() if each["method"] == "POST"]
        yield from _upstream_faults(session, bodies, as_it_is=format_.knows_tools)


#: A sandbox of its own cannot be had in every container; the folder is the run's own.
_HOW = ("exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox")


#: What Codex warns of where nobody tells it about a model.
_NOT_FOUND = "Model metadata"


def _run(argv: Sequence[str], site: Site, home: Path, work: Path) -> tuple[str, str]:
    """Return Codex's last message, or what it said in place of one; and what it noted beside."""
    env = {
        "PATH": os.defpath,
        "HOME": str(home),
        "CODEX_HOME": str(home),
        "GATEWAY_KEY": site.key,
        "CODEX_API_KEY": site.key,
    }
    try:
        ended = subprocess.run(  # noqa: S603 - the catalog's own
            [*argv],
            env=env,
            cwd=work,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_PATIENCE_S,
            text=True,
        )
    except subprocess.TimeoutExpired:
        return f"nothing in {_PATIENCE_S} s", ""
    return ended.stdout.strip() or ended.stderr.strip()[-1500:], ended.stderr


def _file_faults(session: Session, work: Path) -> Iterator[str]:
    for name, text in session.files:
        file = work / name
        if not file.exists() or file.read_text().strip() != text:
            yield f"{name} is not there, or not as it was written"


def _upstream_faults(session: Session, bodies: Sequence[Json], *, as_it_is: bool) -> Iterator[str]:
    """Yield what is wrong with what the upstream was sent: each call once, with its output."""
    expected = len(session.answers) + len(ANSWERS) + session.compacts
    if len(bodies) != expected:
        yield f"the upstream was asked {len(bodies)} times, not {expected}"
        return
    last = bodies[-1]
    told = json.dumps(last.get("messages") or last["input"])
    for call in () if session.compacts else session.calls:
        if (times := told.count(f'"{call.id}"')) != len(("call", "output")):
            yield f"the last request has the call {call.id} and its output {times} times in all"
    # As the gateway says it: a summary that Codex asks for by itself stands there in other words.
    summary = (f"<summary>\n{SUMMARY}\n</summary>",) if session.compacts else ()
    for text in (*QUESTIONS, ANSWERS[0], *summary):
        if json.dumps(text)[1:-1] not in told:
            yield f"the last request lacks {text!r}"
    if as_it_is and (missing := session.kinds - _kinds(last)):
        yield f"a server that knows them was not sent {', '.join(sorted(missing))}"


def _kinds(body: Json) -> set[str]:
    """Return the types of the tools that a server was sent, and of the items that bring them."""
    bringing = [item for item in body["input"] if item["type"] == "additional_tools"]
    tools = [*body.get("tools", ()), *(tool for item in bringing for tool in item["tools"])]
    inner = [each for tool in tools for each in tool.get("tools", ())]
    return {each["type"] for each in [*bringing, *tools, *inner]}


def _requests(site: Site, status: int) -> list[Json]:
    """Return the log lines of requests that got this status."""
    lines = (json.loads(line) for line in site.log_file.read_text().splitlines() if line[:1] == "{")
    return [line for line in lines if line.get("event") == "request" and line["status"] == status]
