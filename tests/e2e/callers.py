"""Callers that go on while what serves them dies, and all that they were promised.

A caller of each kind does what a careful client does: it asks again when it is refused, goes on
from the last answer that it has, and follows what runs in the background to its end.
"""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from time import monotonic
from typing import Any, ClassVar

import requests

from tests.processes import PATIENCE_S
from tests.upstream.script import Script

#: How long a request may take, in seconds, before its caller gives it up.
#: How long, in seconds, a caller waits who was refused.
BACK_OFF_S = 0.1
ENDED = frozenset({"completed", "failed", "cancelled", "incomplete"})
#: The types of events that end a stream.
LAST = frozenset(f"response.{status}" for status in ENDED)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """What was asked and what was answered, in the words of both, and the response's id."""

    response_id: str
    question: str
    answer: str


@dataclass
class Caller(ABC):
    """One caller, in a thread of its own. `promised_at` is when it was promised something.

    `turns` are whole answers, `queued` what was accepted for the background, `failed` responses
    that ended with an error of their own, `torn` those of whose events one was missed or came
    twice, `refused` counts what came in place of an answer.
    """

    url: str
    key: str = field(repr=False)
    name: str
    over: threading.Event
    turns: list[Turn] = field(default_factory=list)
    queued: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    promised_at: list[float] = field(default_factory=list)

    #: How long the model takes for an answer, in seconds.
    lasts_s: ClassVar[float] = 0.1

    def run(self) -> None:
        """Ask again and again, until it is over."""
        with requests.Session() as session:
            session.trust_env = False
            session.headers["Authorization"] = f"Bearer {self.key}"
            for number in count(1):
                if self.over.is_set():
                    return
                self._turn(session, number)

    @abstractmethod
    def _turn(self, session: requests.Session, number: int) -> None:
        """Ask for something, once or until there is an answer."""

    def _create(
        self, session: requests.Session, body: Json, headers: Mapping[str, str] | None = None
    ) -> Json | None:
        """Return the response, whole or at the end of its stream; None where there was none."""
        try:
            answer = session.post(
                f"{self.url}/v1/responses", json=body, headers=headers, timeout=PATIENCE_S
            )
        except requests.RequestException as error:
            self._refuse(type(error).__name__)
            return None
        if answer.status_code not in (200, 202):
            self._refuse(f"{answer.status_code} {code(answer)}")
            return None
        if not body.get("stream"):
            response: Json = answer.json()
            return response
        ends = [each for each in _events(answer.text) if each["type"] in LAST]
        if not ends:
            self._refuse("stream cut off")
            return None
        ended: Json = ends[0]["response"]
        return ended

    def _asked(
        self, session: requests.Session, method: str, path: str, body: Json | None = None
    ) -> Json | None:
        """Return what a request is answered with, None where it was refused."""
        try:
            answer = session.request(method, self.url + path, json=body, timeout=PATIENCE_S)
        except requests.RequestException as error:
            self._refuse(type(error).__name__)
            return None
        if answer.status_code != 200:
            self._refuse(f"{answer.status_code} {code(answer)}")
            return None
        response: Json = answer.json()
        return response

    def _refuse(self, why: str) -> None:
        self.refused[why] += 1
        self.over.wait(BACK_OFF_S)

    def _answered(self, response: Json, question: str, answer: str) -> None:
        """Note an answer: it is promised if it is whole."""
        if response["status"] != "completed":
            self.failed.append(response["id"])
            return
        assert response["output_text"] == answer, (response["output_text"], answer)
        self.turns.append(Turn(response["id"], question, answer))
        self.promised_at.append(monotonic())


class Chained(Caller):
    """Goes on from its last answer by `previous_response_id`: whole answers and streams in turn."""

    def _turn(self, session: requests.Session, number: int) -> None:
        question, answer = _talk(f"{self.name} {number}", self.lasts_s)
        body: Json = {"model": "steady", "input": question, "stream": number % 2 == 0}
        if self.turns:
            body["previous_response_id"] = self.turns[-1].response_id
        if response := self._create(session, body):
            self._answered(response, question, answer)


class Conversing(Caller):
    """Adds to a `conversation`: asks with an Idempotency-Key, and again with it until it has got
    an answer. Whole answers and streams in turn.
    """

    conversation = ""

    def _turn(self, session: requests.Session, number: int) -> None:
        if not self.conversation:
            self.conversation = self._begun(session)
            return
        question, answer = _talk(f"{self.name} {number}", self.lasts_s)
        body = {
            "model": "steady",
            "input": question,
            "stream": number % 2 == 0,
            "conversation": self.conversation,
        }
        headers = {"Idempotency-Key": f"{self.name}-{number}".replace(" ", "-")}
        while not self.over.is_set():
            if response := self._create(session, body, headers):
                self._answered(response, question, answer)
                return

    def _begun(self, session: requests.Session) -> str:
        try:
            answer = session.post(f"{self.url}/v1/conversations", json={}, timeout=PATIENCE_S)
        except requests.RequestException as error:
            self._refuse(type(error).__name__)
            return ""
        if not answer.ok:
            self._refuse(f"{answer.status_code} {code(answer)}")
            return ""
        return str(answer.json()["id"])


class Waiting(Caller):
    """Has responses made in the background, and asks for each until it has ended."""

    lasts_s = 0.6

    def _turn(self, session: requests.Session, number: int) -> None:
        question, answer = _talk(f"{self.name} {number}", self.lasts_s)
        response = self._create(session, {"model": "steady", "input": question, "background": True})
        if response is None:
            return
        self.queued.append(response["id"])
        self.promised_at.append(monotonic())
        ended = self._end(session, response["id"])
        if ended:
            self._answered(ended, question, answer)

    def _end(self, session: requests.Session, response_id: str) -> Json | None:
        """Return the response when it has ended, None when all is over."""
        while not self.over.is_set():
            response = self._asked(session, "GET", f"/v1/responses/{response_id}?wait=5")
            if response and response["status"] in ENDED:
                return response
        return None


class Following(Waiting):
    """Follows each, and comes back with `starting_after` when that breaks off."""

    def _end(self, session: requests.Session, response_id: str) -> Json | None:
        numbers: list[int] = []
        while not self.over.is_set():
            for event in self._followed(session, response_id, numbers[-1] if numbers else -1):
                numbers.append(event["sequence_number"])
                if event["type"] in LAST:
                    if numbers != list(range(len(numbers))):
                        self.torn.append(response_id)
                    response: Json = event["response"]
                    return response
            self.refused["follower cut off"] += 1
            self.over.wait(BACK_OFF_S)
        return None

    def _followed(self, session: requests.Session, response_id: str, after: int) -> Iterator[Json]:
        more = f"&starting_after={after}" if after >= 0 else ""
        url = f"{self.url}/v1/responses/{response_id}?stream=true{more}"
        try:
            with session.get(url, stream=True, timeout=PATIENCE_S) as answer:
                if answer.status_code != 200:
                    self.refused[f"{answer.status_code} {code(answer)}"] += 1
                    return
                for event in events_of(answer):
                    if self.over.is_set():
                        return
                    yield event
        except requests.RequestException as error:
            self.refused[type(error).__name__] += 1


def _talk(answer: str, lasts_s: float) -> tuple[str, str]:
    """Return a question that has the upstream give this answer, in four pieces."""
    size = -(-len(answer) // 4)
    pieces = tuple(answer[start : start + size] for start in range(0, len(answer), size))
    return Script(say=pieces, interval_s=lasts_s / 4).text(), answer


def _events(text: str) -> list[Json]:
    """Return the whole events of a stream that may have been cut off."""
    frames = text.split("\n\n")[:-1]
    lines = [line for frame in frames for line in frame.splitlines()]
    return [json.loads(line[6:]) for line in lines if line.startswith("data: {")]


def events_of(answer: requests.Response) -> Iterator[Json]:
    """Yield the events of a stream as they come. Raises RequestException where it breaks off."""
    for line in answer.iter_lines(chunk_size=None):
        if line.startswith(b"data: {"):
            yield json.loads(line[6:])


def code(answer: requests.Response) -> str:
    """Return the code of an error, or else how its answer begins."""
    try:
        return str(answer.json()["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:80]
