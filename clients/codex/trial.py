"""One session of Codex on one upstream format: does each turn run to its end?"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clients.agent_calls import call_faults
from clients.catalog import Client
from clients.codex.app_server import AppServer
from clients.codex.sessions import ANSWERS, COMPACTED_FROM, QUESTIONS, SUMMARY, Session
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
#: Who is taken for OpenAI is asked to compact; what follows is what `_HOW` says on a command line.
_AS_OPENAI = 'approval_policy = "never"\nsandbox_mode = "danger-full-access"\n' + _PROVIDER.replace(
    'name = "Gateway"', 'name = "OpenAI"'
)
_ON_WEBSOCKET = _PROVIDER + "supports_websockets = true\n"
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
        before = site.websocket_responses()
        with tempfile.TemporaryDirectory(prefix="codex-") as directory:
            home, work = Path(directory, "home"), Path(directory, "work")
            home.mkdir()
            work.mkdir()
            form = _BUILTIN if session.is_builtin else _PROVIDER
            model = f"{format_.name}/{session.model}"
            if session.is_listed:
                form, model = _LISTED, format_.listed_model
            if session.is_named_openai:
                form = _AS_OPENAI
            if session.is_on_websocket:
                form = _ON_WEBSOCKET
            limit = f"model_auto_compact_token_limit = {COMPACTED_FROM}\n"
            settings = (limit if session.is_too_long else "") + form
            (home / "config.toml").write_text(settings.format(model=model, url=site.url))
            converse = _by_command if session.is_by_command else _run_by_run
            failed = list(converse(session, command, _environment(site, home), work))
            yield from failed
            if failed:
                return
            yield from _file_faults(session, work)
        bodies = [each["body"] for each in site.upstream.requests() if each["method"] == "POST"]
        by = site.websocket_responses() - before
        # Its own provider's compaction is a request of its own.
        if session.has_websocket and by < len(bodies) - session.is_compacted:
            yield f"{by} of {len(bodies)} responses came by WebSocket"
        yield from _upstream_faults(session, bodies, as_it_is=format_.knows_tools)


#: A sandbox of its own cannot be had in every container; the folder is the run's own.
_HOW = ("exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox")
#: What Codex warns of where nobody tells it about a model.
_NOT_FOUND = "Model metadata"


def _run_by_run(
    session: Session, command: Sequence[str], env: Mapping[str, str], work: Path
) -> Iterator[str]:
    """Ask each question by a run of its own."""
    for question, answer, again in zip(QUESTIONS, ANSWERS, ([], ["resume", "--last"]), strict=True):
        said, notes = _run([*command, *_HOW, *again, question], env, work)
        if session.is_listed and _NOT_FOUND in notes:
            yield f"it did not find the model in the catalogue: {notes[-500:]}"
        if said != answer:
            yield f"to {question!r} it said {said!r}"
            return


def _by_command(
    _session: Session, command: Sequence[str], env: Mapping[str, str], work: Path
) -> Iterator[str]:
    """Ask both questions of one process, which compacts between them."""
    try:
        with contextlib.closing(AppServer(command, env, work, _PATIENCE_S)) as server:
            first = server.turn(QUESTIONS[0])
            is_compacted = server.compact()
            second = server.turn(QUESTIONS[1])
    except EOFError as ended:
        yield str(ended)
        return
    if (first, second) != ANSWERS:
        yield f"it said {first!r}, then {second!r}"
    if not is_compacted:
        yield "it did not compact"


def _environment(site: Site, home: Path) -> dict[str, str]:
    return {
        "PATH": os.defpath,
        "HOME": str(home),
        "CODEX_HOME": str(home),
        "GATEWAY_KEY": site.key,
        "CODEX_API_KEY": site.key,
    }


def _run(argv: Sequence[str], env: Mapping[str, str], work: Path) -> tuple[str, str]:
    """Return Codex's last message, or what it said in place of one; and what it noted beside."""
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
    expected = len(session.answers) + session.is_compacted + len(ANSWERS)
    if len(bodies) != expected:
        yield f"the upstream was asked {len(bodies)} times, not {expected}"
        return
    last = bodies[-1]
    told = json.dumps(last.get("messages") or last["input"])
    replaced = {ANSWERS[0]} if session.is_by_command else set()
    for text in {*QUESTIONS, ANSWERS[0]} - replaced:
        if text not in told:
            yield f"the last request lacks {text!r}"
    if session.is_compacted:
        # As the gateway says it: a summary that Codex asks for by itself stands in other words.
        is_ours = session.is_builtin or session.is_named_openai
        summary = f"<summary>\n{SUMMARY}\n</summary>" if is_ours else SUMMARY
        if told.count(json.dumps(summary)[1:-1]) != 1:
            yield "the last request has not the summary once"
        if any(f'"{call.id}"' in told for call in session.calls):
            yield "the last request has calls that the summary stands for"
        return
    yield from call_faults(session.calls, last, as_it_is=as_it_is, kinds=session.kinds)
