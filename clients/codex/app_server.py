"""Codex's server for its own user interfaces: what stands behind `/compact`, over JSON lines."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, cast

Json = dict[str, Any]


class AppServer:
    """A running `codex app-server`, with one thread. It is ended after `patience_s`."""

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], work: Path, patience_s: float
    ) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - the catalog's own
            [*command, "app-server"],
            env=env,
            cwd=work,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._stdin = cast(IO[str], self._process.stdin)
        self._stdout = cast(IO[str], self._process.stdout)
        self._timer = threading.Timer(patience_s, self._process.kill)
        self._timer.start()
        self._number = 0
        client = {"name": "clients", "title": "clients", "version": "1"}
        self._call("initialize", {"clientInfo": client})
        self._send({"method": "initialized", "params": {}})
        self._thread = self._call("thread/start", {"cwd": str(work)})["thread"]["id"]

    def close(self) -> None:
        """End it."""
        self._timer.cancel()
        self._process.kill()
        self._process.communicate()

    def turn(self, question: str) -> str:
        """Return what is said last to a question."""
        asked = [{"type": "text", "text": question}]
        self._call("turn/start", {"threadId": self._thread, "input": asked})
        return "".join(
            item["text"] for item in self._items_of_turn() if item["type"] == "agentMessage"
        )

    def compact(self) -> bool:
        """Do as `/compact` does; return whether that has come to its end."""
        self._call("thread/compact/start", {"threadId": self._thread})
        return any(item["type"] == "contextCompaction" for item in self._items_of_turn())

    def _items_of_turn(self) -> list[Json]:
        items: list[Json] = []
        while (message := self._next()).get("method") != "turn/completed":
            if message.get("method") == "item/completed":
                items.append(message["params"]["item"])
        return items

    def _call(self, method: str, params: Json) -> Json:
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        while (message := self._next()).get("id") != self._number:
            pass
        result: Json = message["result"]
        return result

    def _send(self, message: Json) -> None:
        self._stdin.write(json.dumps(message) + "\n")
        self._stdin.flush()

    def _next(self) -> Json:
        line = self._stdout.readline()
        if not line:
            raise EOFError("the app server has ended")
        message: Json = json.loads(line) if line.startswith("{") else {}
        return message
