"""Read a chat message, or a piece of one, as deltas. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.domain.request import NO_PARAMETERS
from app.domain.stream.deltas import CallOpened, Delta, Refused, Text, Thought
from app.providers.openai_chat.calls import Calls, listed_calls
from app.providers.openai_chat.chunk import CALLS
from app.providers.openai_chat.kept_fields import KeptFields
from app.providers.openai_chat.message_text import MessageText
from app.providers.openai_chat.sources import Sources
from app.providers.openai_chat.think_tag import ThinkTag, may_open
from app.providers.reading.budget import BOUNDS
from app.providers.reading.fields import Note, elements, text_in
from app.providers.reading.logprobs import logprobs
from app.providers.reading.understanding import ContentReader

Json = dict[str, Any]

#: Fields without content, which are ignored.
_SILENT = frozenset(
    {
        "role",
        "name",
        "id",
        "object",
        "index",
        "prefix",
        "obfuscation",
        "padding",
        "token_id",  # Together's
        "token_ids",
        "channel",  # of gpt-oss, at Groq
        "phase",
    }
)
#: Fields that are only returned to the server, or repeat others: no content for a caller either.
_RETURNED = frozenset(
    {"reasoning_details", "thinking_blocks", "extra_content", "thought_signature"}
    | {"provider_specific_fields", "signature", "reasoning_signature"}
)
_TEXT_ONLY = ["content"]
#: Fields for reasoning, Copilot's and Ollama's too; some servers send it under several names.
_THOUGHTS = ("reasoning_content", "reasoning", "reasoning_text", "thinking")
#: Fields with pieces of reasoning to return; some servers have it nowhere else.
_DETAILS = ("reasoning_details", "thinking_blocks")
#: Fields that are read here.
_READ = frozenset({"content", "refusal", "annotations", *_THOUGHTS, *CALLS})
#: Types of parts that are reasoning, also Databricks' and Mistral's, and the fields of its text.
_THINKING_PARTS = ("thinking", "reasoning", "reasoning_text", "reasoning_content", "summary_text")
_PARTS_THOUGHTS = ("thinking", "text", "summary", "content", "reasoning", "reasoning_content")


class MessageReader:
    """Reads the message of one answer, whole or piece by piece.

    Fields to return to the server go into `kept`. `parameters` are the request's; `think_tag` names
    the tag that may enclose thoughts at the start of the text, "" once no more can follow.
    """

    parameters = NO_PARAMETERS
    think_tag = ""
    _tag: ThinkTag | None = None  # made for the first text that may begin with the tag
    _hidden = 0  # characters of the text that were thoughts or tags, or still wait
    _ended_at = 0  # the text's length when something else followed it

    def __init__(self, note: Note, kept: KeptFields, *, shows_logprobs: bool = True) -> None:
        self.kept = kept
        self.reader = ContentReader(note, shows_logprobs=shows_logprobs)
        self.understanding = self.reader.understanding
        self._calls: Calls | None = None  # made for the first
        self.text = MessageText()
        self._has_thought = self._has_field = False
        self._sources = Sources(self.reader)

    def take_text(self, text: str, deltas: list[Delta]) -> None:
        """Add a piece that is a text and nothing else."""
        self.understanding.has_known = True
        if self.think_tag:
            # MEASURED: nearly none may; splitting each text takes a percent of a small request.
            if self._tag is not None or may_open(text):
                self._say(text, (), deltas)
                return
            self.think_tag = ""
        self.text.add(text)
        self._speak(deltas)
        deltas.append(Text(text))
        if self._sources.waiting:
            self._cite(deltas)

    @property
    def is_cut(self) -> bool:
        """Whether it ends with an incomplete call."""
        return self._calls is not None and self._calls.is_cut

    def add_length(self, length: int) -> None:
        """Count the characters of texts that were not given to `take_text`."""
        self.text.length += length

    def take(self, message: Json, likely: object, deltas: list[Delta]) -> None:
        """Append the deltas of a message, or a piece of one; `likely` is its log probabilities."""
        names = [name for name, value in message.items() if value and name not in _SILENT]
        # MEASURED: nearly all whole answers are a text and nothing else.
        if names == _TEXT_ONLY and not likely and type(message["content"]) is str:
            self.take_text(message["content"], deltas)
            return
        before = len(deltas)
        self._keep_unknown(message, names)
        self._take_thoughts(message, deltas)
        if content := message.get("content"):
            self._take_content(content, likely, deltas)
        if message.get("annotations"):
            self._sources.cite(self.reader.mappings(message, "annotations"))
            self._cite(deltas)
        if message.get("refusal") and (refusal := self.reader.text(message, "refusal")):
            self._end_tag(deltas)
            self._refuse(refusal, deltas)
        self._take_calls(message, deltas)
        if len(deltas) > before:
            self.understanding.has_known = True

    def _keep_unknown(self, message: Json, names: Iterable[str]) -> None:
        """Keep fields that are not read here, to return them to the server (U15)."""
        for name in names:
            if name not in _READ:
                self.kept.keep(name, message[name])
                if name not in _RETURNED:
                    self.understanding.note_unknown("field", name)

    def _take_thoughts(self, message: Json, deltas: list[Delta]) -> None:
        """Append a message's reasoning: the first non-empty field of those that may have it."""
        for field in _THOUGHTS:
            if message.get(field) and (thought := self.reader.text(message, field)):
                self._end_tag(deltas)
                self._has_field = True
                self._think(field, thought, deltas)
                return
        for field in () if self._has_field else _DETAILS:
            if message.get(field) and (detail := text_in(message[field])):
                self._end_tag(deltas)
                self._think("", detail, deltas)
                return

    def _refuse(self, refusal: str, deltas: list[Delta]) -> None:
        self._speak(deltas)
        deltas.append(Refused(refusal))
        self._ended_at = self._spoken

    @property
    def _spoken(self) -> int:
        return self.text.length - self._hidden

    @property
    def has_open_text(self) -> bool:
        """Whether there was text, and nothing since that ends it."""
        return self._spoken > self._ended_at

    def _cite(self, deltas: list[Delta]) -> None:
        """Append the citations that wait, if the text that they are of is open."""
        if self.has_open_text:
            deltas += self._sources.waiting
            self._sources.waiting = []

    def _think(self, field: str, text: str, deltas: list[Delta]) -> None:
        self._has_thought = True
        self._ended_at = self._spoken
        self.kept.think(field, text)
        deltas.append(Thought(text))

    def _speak(self, deltas: list[Delta]) -> None:
        if self.kept.is_thinking:
            self.kept.end_thought(deltas)

    def rest(self, message: Json, uncounted: int) -> Json:
        """Return the new part of a whole message in a stream.

        `uncounted` is the number of characters already read elsewhere than in this reader.
        """
        has_calls = self._calls is not None and not self._calls.is_empty
        known = (_THOUGHTS + _DETAILS if self._has_thought else ()) + (CALLS if has_calls else ())
        new = {name: value for name, value in message.items() if name not in known}
        if "content" in new:
            new["content"] = self.text.rest_of_message(new["content"], uncounted)
        return new

    def take_sources(self, place: Json) -> None:
        """Read sources that are listed beside the message (Perplexity)."""
        if "search_results" in place or "citations" in place:
            self._sources.take(place)

    def end(self) -> list[Delta]:
        """Return the remaining deltas: sources of the whole text, and calls still waiting."""
        ended, calls = list[Delta](), self._calls
        self._end_tag(ended)
        if calls is not None and not calls.is_empty:
            self._open_calls(calls, calls.end(), ended)
            if calls.has_blank:
                self.understanding.note_unknown("call", "")
            self.understanding.has_known = self.understanding.has_known or bool(ended)
        elif length := self._spoken:
            ended += self._sources.of_all(length)
        if self._sources.waiting:
            self.reader.note("annotations")  # their text has ended, or there was none
        self.kept.end_thought(ended, () if calls is None else calls.opened(self.kept.places))
        return ended

    def _take_content(self, content: object, likely: object, deltas: list[Delta]) -> None:
        if isinstance(content, str):
            tokens: tuple[Json, ...] = ()
            if isinstance(likely, dict):
                tokens = logprobs(likely, "content", self.reader)
            elif likely:
                self.reader.note("logprobs")
            self._say(content, tokens, deltas)
            return
        for part in elements(content):
            self._take_part(part, deltas)

    def _say(self, text: str, tokens: tuple[Json, ...], deltas: list[Delta]) -> None:
        self.text.add(text)
        if not self.think_tag:
            self._speak(deltas)
            deltas.append(Text(text, tokens))
        else:
            self._hidden += len(text)
            tag = self._tag = self._tag or ThinkTag(self.think_tag)
            parted = tag.feed(text)
            self._take_parted(parted, tokens if parted == [(False, text)] else (), deltas)
            if tag.is_over:
                self.think_tag = ""
        if self._sources.waiting:
            self._cite(deltas)

    def _take_parted(
        self, parted: list[tuple[bool, str]], tokens: tuple[Json, ...], deltas: list[Delta]
    ) -> None:
        """Append the deltas of a text split at its tags: thoughts, and the text after them."""
        for is_thought, text in parted:
            if is_thought:
                self._think("", text, deltas)
                self.kept.in_tags = True
            else:
                self._hidden -= len(text)
                self._speak(deltas)
                deltas.append(Text(text, tokens))

    def _end_tag(self, deltas: list[Delta]) -> None:
        """Stop looking for tags: something other than text has come, or the end."""
        if self.think_tag and self._tag is not None:
            self._take_parted(self._tag.end(), (), deltas)
        self.think_tag = ""

    def _take_part(self, part: object, deltas: list[Delta]) -> None:
        """Append the deltas of one part of a content list; a part may be thinking (Mistral)."""
        if isinstance(part, str):
            part = {"type": "text", "text": part}
        if not isinstance(part, dict):
            self.understanding.note_unknown("field", "content")
            return
        kind = part.get("type", "text" if "text" in part else None)
        if kind in ("text", "output_text"):
            if text := self.reader.text(part, "text"):
                self._say(text, (), deltas)
        elif kind in _THINKING_PARTS:
            given = {name: value for name, value in part.items() if name in _PARTS_THOUGHTS}
            if thought := text_in(list(given.values())):
                self._end_tag(deltas)
                self._think("", thought, deltas)
            self.kept.sign(part.get("signature"))
        elif kind == "refusal":
            if refusal := self.reader.text(part, "refusal"):
                self._refuse(refusal, deltas)
        else:
            self.understanding.note_unknown("part", kind)

    def _take_calls(self, message: Json, deltas: list[Delta]) -> None:
        if given := message.get("tool_calls"):
            name, fragments = "tool_calls", elements(listed_calls(given), BOUNDS.items)
        elif function := message.get("function_call"):
            legacy = {"index": 0, "function": function} if isinstance(function, dict) else function
            name, fragments = "function_call", (legacy,)
        else:
            return
        self._end_tag(deltas)
        calls = self._calls = self._calls or Calls(self.kept.keep_of_call, self.parameters)
        for fragment in fragments:
            if isinstance(fragment, dict):
                self._open_calls(calls, calls.add(fragment), deltas)
            else:
                self.understanding.note_unknown("field", name)

    def _open_calls(self, calls: Calls, added: list[Delta], deltas: list[Delta]) -> None:
        """Append the deltas of calls; fields to return precede the call that they belong to."""
        if any(type(delta) is CallOpened for delta in added):
            self._ended_at = self._spoken
            self.kept.end_thought(deltas, calls.opened(self.kept.places))
        deltas += added
