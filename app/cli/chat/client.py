"""A client of the gateway: streams one turn of a conversation after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import requests

from app.cli.common.refusal import refusal
from app.cli.common.tables import printable
from app.providers.reading.sse import FrameSplitter

CONNECT_S, SILENCE_S = 10.0, 600.0


class ChatError(Exception):
    """The gateway refuses, fails or is unreachable; the text is for the user."""


@dataclass(frozen=True, slots=True)
class AnswerText:
    """A piece of an answer: some of its text, or of the summary of its reasoning."""

    text: str
    is_reasoning: bool = False


class ChatClient:
    """A conversation with a model. `url` ends in /v1; `last_id` is that of the last response."""

    def __init__(self, url: str, key: str | None, last_id: str | None = None) -> None:
        self.last_id = last_id
        self._url = url
        self._session = requests.Session()
        if key is not None:
            self._session.headers["Authorization"] = f"Bearer {key}"

    def models(self) -> list[str]:
        """Return the models that the key may use, as far as they are known by name.

        Raises:
            ChatError: they cannot be fetched.
        """
        with self._request("GET", "/models") as answer:
            return [model["id"] for model in answer.json()["data"]]

    def turn(self, body: Mapping[str, Any]) -> Iterator[AnswerText]:
        """Send a turn, and yield the answer as it arrives; `body` has the model and the input.

        Once it has begun the next turn continues it, however it ends: its content is kept.

        Raises:
            ChatError: the turn is refused, or fails.
        """
        whole = {**body, "stream": True, "previous_response_id": self.last_id}
        with self._request("POST", "/responses", whole) as answer:
            for event in _events(answer):
                kind = event["type"]
                if kind == "response.created":
                    self.last_id = event["response"]["id"]
                elif kind in ("response.output_text.delta", "response.refusal.delta"):
                    yield AnswerText(event["delta"])
                elif kind == "response.reasoning_summary_text.delta":
                    yield AnswerText(event["delta"], is_reasoning=True)
                elif kind == "response.failed":
                    message = printable(event["response"]["error"]["message"])
                    raise ChatError(f"The answer failed: {message}")
                elif kind == "response.incomplete":
                    reason = event["response"]["incomplete_details"]["reason"]
                    raise ChatError(f"The answer was cut: {reason}.")

    def _request(self, method: str, path: str, body: object = None) -> requests.Response:
        try:
            answer = self._session.request(
                method,
                self._url + path,
                headers={"Content-Type": "application/json"},
                data=None if body is None else orjson.dumps(body),
                stream=True,
                timeout=(CONNECT_S, SILENCE_S),
            )
        except (requests.RequestException, OSError) as error:
            why = "is there a gateway? `responses-gateway up` starts one here, --url names another"
            raise ChatError(
                f"{self._url} is unreachable ({type(error).__name__}): {why}."
            ) from None
        if not answer.ok:
            raise ChatError(refusal(answer, "no Responses API answers there"))
        return answer


def _events(answer: requests.Response) -> Iterator[Mapping[str, Any]]:
    """Yield the events of a stream.

    Raises:
        ChatError: the connection is lost.
    """
    splitter = FrameSplitter()
    try:
        for piece in answer.iter_content(None):
            for _, data in splitter.feed(piece):
                if data != b"[DONE]":
                    yield orjson.loads(data)
    except (requests.RequestException, OSError) as error:
        raise ChatError(f"The connection was lost ({type(error).__name__}).") from None
