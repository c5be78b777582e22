"""One client and one way to use it: does its tool loop reach the end on each upstream format?"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clients import conversation, structured, suite, workshop
from clients.catalog import COMMON, Client, Mode, Way, is_websocket
from clients.site import Format, Site

_PATIENCE_S = 240
#: What the model does, what it is asked, and what the upstream must see.
_STORIES = {
    "weather": conversation,
    "workshop": workshop,
    "structured": structured,
    "suite": suite,
}


@dataclass(frozen=True, slots=True)
class Trial:
    """What is tried: a client, how it keeps the conversation, how it takes answers."""

    client: Client
    mode: Mode
    way: Way

    @property
    def answers(self) -> str:
        return self.way

    @property
    def name(self) -> str:
        return f"{self.client.name} {self.mode} {self.answers}"

    def expects_reasoning(self, format_: Format) -> bool:
        """Whether the thoughts before calls must come back to the upstream.

        A server that nobody knows is sent them where the client hands them back (S10).
        """
        if self.mode in self.client.drops_reasoning:
            return False
        return format_.takes_reasoning or self.mode == "stateless"

    def attempt(
        self, site: Site, formats: Sequence[Format], command: Sequence[str]
    ) -> dict[str, list[str]]:
        """Run a client, and return what went wrong by format: nothing, as it should be."""
        story = _STORIES[self.client.story]
        formats = [each for each in formats if each.name not in self.client.but]
        site.upstream.reset()
        before = site.websocket_responses()
        for format_ in formats:
            site.upstream.arm(
                *story.scripts(format_, self.client, self.mode), model=format_.upstream_model
            )
        told = _run(self, site, formats, command)
        bodies = [each["body"] for each in site.upstream.requests() if each["method"] == "POST"]
        found = {}
        for format_ in formats:
            answers = told if isinstance(told, str) else told[format_.model]
            mine = [body for body in bodies if body["model"] == format_.upstream_model]
            reasoning = self.expects_reasoning(format_)
            found[format_.name] = (
                [answers]
                if isinstance(answers, str)
                else [f"it was told {answers}"] * (answers != list(story.ANSWERS))
            ) + list(story.faults(format_, mine, self.client, self.mode, reasoning=reasoning))
        if is_websocket(self.way):
            # A compaction is a request of its own.
            expected = len(bodies) - len(formats) * (self.mode == "compacted")
            if (by := site.websocket_responses() - before) < expected:
                found[formats[0].name].append(f"{by} of {expected} responses came by WebSocket")
        return found


def _run(
    trial: Trial, site: Site, formats: Sequence[Format], command: Sequence[str]
) -> Mapping[str, Any] | str:
    """Return what the client came to with each model, or why it came to nothing at all."""
    story = _STORIES[trial.client.story]
    task = {
        "base_url": f"{site.url}/v1",
        "api_key": site.key,
        "models": [format_.model for format_ in formats],
        "mode": trial.mode,
        "way": trial.way,
        "stream": trial.way != "whole",
        "questions": story.QUESTIONS,
        "result": story.RESULT,
    }
    with tempfile.TemporaryDirectory(prefix="client-") as home:
        try:
            ended = subprocess.run(  # noqa: S603 - the catalog's own
                [*command, json.dumps(task)],
                env=_environment(home),
                cwd=home,
                capture_output=True,
                check=False,
                timeout=_PATIENCE_S,
                text=True,
            )
        except subprocess.TimeoutExpired:
            return f"it had not ended after {_PATIENCE_S} s"
    if ended.returncode:
        return f"it ended with {ended.returncode}: {ended.stderr.strip()[-1500:]}"
    told: Mapping[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return told


def _environment(home: str) -> dict[str, str]:
    """Nothing of the developer's own, and nobody to send traces to."""
    return {
        "PATH": os.defpath,
        "HOME": home,
        "PYTHONPATH": str(COMMON),
        "OPENAI_AGENTS_DISABLE_TRACING": "1",
        "AI_SDK_LOG_WARNINGS": "false",
    }
