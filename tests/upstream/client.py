"""Starts the upstream and drives it from tests and benchmarks."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import requests

from tests.processes import PATIENCE_S, started
from tests.upstream.bed import ANY, State
from tests.upstream.listeners import Places
from tests.upstream.script import Script


class Upstream:
    """A running upstream. Tests tell theirs apart by the scripts' tags."""

    def __init__(self, places: Places, session: requests.Session) -> None:
        self.places = places
        self._session = session

    def arm(self, *scripts: Script, model: str = ANY) -> None:
        """Have the next requests for `model` do as the scripts say, one each."""
        documents = [json.loads(script.text()) for script in scripts]
        self._post("/_control", {"model": model, "scripts": documents})

    def list_models(self, *models: str, owner: str = "test-bed") -> None:
        """Have the upstream list these models, each owned by that name."""
        self._post("/_control", {"models": models, "owner": owner})

    def release(self, tag: str, steps: int | None = None) -> None:
        """Let the stalled requests of a tag take so many steps; None lets them go for good."""
        self._post("/_release", {"tag": tag} | ({} if steps is None else {"steps": steps}))

    def reset(self) -> None:
        """Forget what is armed and what came, and release everything."""
        self._post("/_reset", {})

    def requests(self, tag: str | None = None) -> list[dict[str, Any]]:
        """Return what was sent: method, path, headers (lower case), body, model, tag, state."""
        shown: list[dict[str, Any]] = self._get("/_requests", {} if tag is None else {"tag": tag})
        return shown

    def wait(self, tag: str, state: State, count: int = 1) -> list[dict[str, Any]]:
        """Return a tag's requests once so many have come to a state.

        Raises:
            AssertionError: they have not in 60 s.
        """
        query = {"tag": tag, "state": state, "count": str(count), "timeout_s": f"{PATIENCE_S}"}
        shown: list[dict[str, Any]] = self._get("/_wait", query)
        return shown

    def figures(self) -> dict[str, Any]:
        """Return the counters: open, accepted, served, aborted, cpu_s."""
        shown: dict[str, Any] = self._get("/_connections", {})
        return shown

    def _get(self, path: str, query: dict[str, str]) -> Any:
        answer = self._session.get(self.places.url + path, params=query, timeout=PATIENCE_S + 10)
        assert answer.status_code == 200, f"{query} has not come: {answer.text}"
        return answer.json()

    def _post(self, path: str, given: dict[str, Any]) -> None:
        self._session.post(
            self.places.url + path, json=given, timeout=PATIENCE_S
        ).raise_for_status()


@contextlib.contextmanager
def running(port: int = 0) -> Iterator[Upstream]:
    """Run an upstream in its own process."""
    argv = [sys.executable, "-m", "tests.upstream", "--port", str(port)]
    with started(argv, stdout=subprocess.PIPE) as process, requests.Session() as session:
        session.trust_env = False
        assert process.stdout is not None
        yield Upstream(Places(**json.loads(process.stdout.readline())), session)
