"""What a chat message, or a piece of one, says, as deltas. Pure."""

from __future__ import annotations

from typing import Any

from app.domain.deltas import Annotated, Delta, Refused, Text, Thought
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
#: Fields that say nothing to a caller, whatever is in them.
_SILENT = frozenset(
    {"role", "name", "id", "object", "index", "prefix", "obfuscation", "padding", "token_ids"}
    # What only the next request needs, or repeats what was read.
    | {"reasoning_details", "thinking_blocks", "extra_content", "thought_signature"}
    | {"provider_specific_fields", "signature", "reasoning_signature"}
)
_KNOWN = _READ | _SILENT


class MessageReader:
    """Reads the message of one answer, whole or piece by piece."""

    def __init__(self, note: Note) -> None:
        self.understanding = Understanding(note)
        self._optional = Optional(note)
        self._calls = Calls()
        self._text_length = 0
        self._sources: list[str] = []
        self._titles: dict[str, str] = {}

    def take_text(self, text: str) -> Text:
        """Take in a piece that is a text and nothing else."""
        self.understanding.has_known = True
        self._text_length += len(text)
        return Text(text)

    def take(self, message: Json, likely: object, deltas: list[Delta]) -> None:
        """Add what a message, or a piece of one, says; `likely` holds its log probabilities.

        Raises:
            Misread: it is none.
        """
        before = len(deltas)
        if thought := message.get("reasoning_content") or message.get("reasoning"):
            deltas.append(Thought(string(thought)))
        if content := message.get("content"):
            self._take_content(content, likely, deltas)
        if refusal := message.get("refusal"):
            deltas.append(Refused(string(refusal)))
        for annotation in self._optional.mappings(message, "annotations"):
            if cited := self._citation(annotation):
                deltas.append(Annotated(cited))
        has_calls = self._take_calls(message, deltas)
        if len(deltas) > before or has_calls:
            self.understanding.has_known = True
        for name, value in message.items():
            if value and name not in _KNOWN:
                self.understanding.meet("field", name)

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
        ended = self._calls.end()
        if ended or not self._calls.is_empty or not self._text_length:
            return ended
        return [
            Annotated(_url_citation(url, self._titles.get(url, ""), 0, self._text_length))
            for url in dict.fromkeys(self._sources)
        ]

    def _take_content(self, content: object, likely: object, deltas: list[Delta]) -> None:
        if isinstance(content, str):
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
                self._text_length += len(text)
                deltas.append(Text(text))
        elif kind == "thinking":
            thoughts = part.get("thinking")
            if isinstance(thoughts, str):
                thoughts = [{"text": thoughts}]
            for thought in mappings(thoughts):
                deltas.append(Thought(string(thought.get("text") or "")))
            bound_at_once(deltas)
        elif kind == "refusal":
            deltas.append(Refused(string(part.get("refusal"))))
        else:
            self.understanding.meet("part", kind)

    def _take_calls(self, message: Json, deltas: list[Delta]) -> bool:
        if calls := message.get("tool_calls"):
            for call in output_items(calls if isinstance(calls, list) else [calls]):
                deltas += self._calls.hear(call)
            return True
        if function := message.get("function_call"):
            deltas += self._calls.hear({"index": 0, "function": function})
            return True
        return False

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
