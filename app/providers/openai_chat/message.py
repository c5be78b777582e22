"""What a chat message, or a piece of one, says, as deltas. Pure."""

from __future__ import annotations

from typing import Any

from app.domain.deltas import Annotated, CallOpened, Delta, Refused, Text, Thought
from app.providers.counts import whole_number
from app.providers.fields import (
    Misread,
    Note,
    Optional,
    bound_at_once,
    mapping,
    mappings,
    output_items,
    string,
)
from app.providers.logprobs import logprobs
from app.providers.openai_chat.calls import Calls
from app.providers.openai_chat.kept_fields import KeptFields
from app.providers.understanding import Understanding

Json = dict[str, Any]

#: Fields that are read here.
_READ = frozenset(
    {
        "content",
        "reasoning_content",
        "reasoning",
        "refusal",
        "annotations",
        "tool_calls",
        "function_call",
    }
)
#: Fields that say nothing to anybody, whatever is in them.
_SILENT = frozenset(
    {"role", "name", "id", "object", "index", "prefix", "obfuscation", "padding", "token_ids"}
)
#: What only the next request needs, or repeats what was read: it says nothing to a caller.
_RETURNED = frozenset(
    {"reasoning_details", "thinking_blocks", "extra_content", "thought_signature"}
    | {"provider_specific_fields", "signature", "reasoning_signature"}
)
_KNOWN = _READ | _SILENT


class MessageReader:
    """Reads the message of one answer, whole or piece by piece.

    What must travel back goes into `kept`.
    """

    def __init__(self, note: Note, kept: KeptFields) -> None:
        self.kept = kept
        self.understanding = Understanding(note)
        self._optional = Optional(note)
        self._calls = Calls(kept.keep_of_call)
        self._text_length = 0
        self._sources: list[str] = []
        self._titles: dict[str, str] = {}

    def take_text(self, text: str, deltas: list[Delta]) -> None:
        """Add a piece that is a text and nothing else."""
        self.understanding.has_known = True
        self._text_length += len(text)
        self._speak(deltas)
        deltas.append(Text(text))

    def take(self, message: Json, likely: object, deltas: list[Delta]) -> None:
        """Add what a message, or a piece of one, says; `likely` holds its log probabilities.

        Raises:
            Misread: it is none.
        """
        before = len(deltas)
        self._take_unknown(message)
        for field in ("reasoning_content", "reasoning"):
            if thought := message.get(field):
                self._think(field, string(thought), deltas)
                break
        if content := message.get("content"):
            self._take_content(content, likely, deltas)
        if refusal := message.get("refusal"):
            self._speak(deltas)
            deltas.append(Refused(string(refusal)))
        for annotation in self._optional.mappings(message, "annotations"):
            if cited := self._citation(annotation):
                deltas.append(Annotated(cited))
        has_calls = self._take_calls(message, deltas)
        if len(deltas) > before or has_calls:
            self.understanding.has_known = True

    def _take_unknown(self, message: Json) -> None:
        """Keep the fields that are not read here for the server that sent them (U15)."""
        for name, value in message.items():
            if value and name not in _KNOWN:
                self.kept.keep(name, value)
                if name not in _RETURNED:
                    self.understanding.meet("field", name)

    def _think(self, field: str, text: str, deltas: list[Delta]) -> None:
        self.kept.think(field, text)
        deltas.append(Thought(text))

    def _speak(self, deltas: list[Delta]) -> None:
        if self.kept.is_thinking:
            self.kept.end_thought(deltas)

    def take_sources(self, place: Json) -> None:
        """Take in the sources that stand beside the message (Perplexity); the latest count."""
        if "search_results" in place:
            for result in self._optional.mappings(place, "search_results"):
                url = self._optional.string(result, "url")
                self._titles[url] = self._optional.string(result, "title")
            self._sources = list(filter(None, self._titles))
        if "citations" in place and isinstance(cited := place["citations"], list):
            self._sources = [url for url in cited if isinstance(url, str) and url]

    def end(self) -> list[Delta]:
        """Return what is left to say: the sources of the whole text, calls that were held back."""
        ended: list[Delta] = []
        self._open_calls(self._calls.end(), ended)
        if not ended and self._calls.is_empty and self._text_length:
            ended += [
                Annotated(_url_citation(url, self._titles.get(url, ""), 0, self._text_length))
                for url in dict.fromkeys(self._sources)
            ]
        self.kept.end_thought(ended, self._calls.opened(self.kept.places))
        return ended

    def _take_content(self, content: object, likely: object, deltas: list[Delta]) -> None:
        if isinstance(content, str):
            self._speak(deltas)
            tokens = logprobs(mapping(likely), "content", self._optional) if likely else ()
            self._text_length += len(content)
            deltas.append(Text(content, tokens))
            return
        for part in content if isinstance(content, list) else [content]:
            self._take_part(part, deltas)

    def _take_part(self, part: object, deltas: list[Delta]) -> None:
        """Add a part of content that comes as a list, thinking among them (Mistral)."""
        if isinstance(part, str):
            part = {"type": "text", "text": part}
        if not isinstance(part, dict):
            raise Misread("content is neither text nor parts")
        kind = part.get("type", "text" if "text" in part else None)
        if kind in ("text", "output_text"):
            text = part.get("text")
            text = string(text.get("value") if isinstance(text, dict) else text or "")
            if text:
                self._speak(deltas)
                self._text_length += len(text)
                deltas.append(Text(text))
        elif kind == "thinking":
            thoughts = part.get("thinking")
            if isinstance(thoughts, str):
                thoughts = [{"text": thoughts}]
            for thought in mappings(thoughts):
                self._think("", string(thought.get("text") or ""), deltas)
            bound_at_once(deltas)
        elif kind == "refusal":
            self._speak(deltas)
            deltas.append(Refused(string(part.get("refusal"))))
        else:
            self.understanding.meet("part", kind)

    def _take_calls(self, message: Json, deltas: list[Delta]) -> bool:
        if calls := message.get("tool_calls"):
            for call in output_items(calls if isinstance(calls, list) else [calls]):
                self._open_calls(self._calls.hear(call), deltas)
            return True
        if function := message.get("function_call"):
            self._open_calls(self._calls.hear({"index": 0, "function": function}), deltas)
            return True
        return False

    def _open_calls(self, told: list[Delta], deltas: list[Delta]) -> None:
        """Add what was told of calls; what must travel back stands before the call it is of."""
        if any(type(delta) is CallOpened for delta in told):
            self.kept.end_thought(deltas, self._calls.opened(self.kept.places))
        deltas += told

    def _citation(self, annotation: Json) -> Json | None:
        """Return a web citation flat, as Responses has it; other kinds have no place there."""
        if annotation.get("type") != "url_citation":
            return None
        cited = annotation.get("url_citation")
        cited = cited if isinstance(cited, dict) else annotation
        url, title = self._optional.string(cited, "url"), self._optional.string(cited, "title")
        if not url:
            return None
        start = whole_number(cited.get("start_index")) or 0
        return _url_citation(url, title, start, whole_number(cited.get("end_index")) or 0)


def _url_citation(url: str, title: str, start: int, end: int) -> Json:
    return {
        "type": "url_citation",
        "url": url,
        "title": title,
        "start_index": start,
        "end_index": end,
    }
