"""The grammar of single items: which events an item may have, and what these must add up to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]


class Breach(Exception):
    """The stream contains an event that the grammar does not allow."""


class ItemGrammar:
    """Checks the events of one item, after it was added."""

    def __init__(self, item: Json) -> None:
        self.item = item

    def take(self, kind: str, _event: Json, /) -> None:
        """Check an event of this item."""
        raise Breach(f"{kind} does not belong to an item of the type {self.item['type']!r}")

    def finish(self, item: Json) -> None:
        """Check the finished item against its events."""
        for name in ("id", "type", "call_id", "name", "role"):
            require(
                item.get(name) == self.item.get(name),
                f"the item's {name} differs between added and done",
            )


class MessageGrammar(ItemGrammar):
    def __init__(self, item: Json) -> None:
        super().__init__(item)
        require(item["content"] == [], "a message must be added with an empty content")
        self._parts: list[Json] = []
        self._part: Json | None = None
        self._text = ""
        self._text_done = False
        self._annotations: list[Json] = []
        self._logprobs: list[Json] = []

    def take(self, kind: str, event: Json, /) -> None:
        index = event.get("content_index")
        require(index == len(self._parts), f"content_index is {index}, expected {len(self._parts)}")
        if kind == "response.content_part.added":
            require(self._part is None, "a part is added while another is open")
            self._part, self._text, self._text_done = event["part"], "", False
            self._annotations, self._logprobs = [], []
            return
        part = self._part
        if part is None:
            raise Breach(f"{kind} before response.content_part.added")
        steps: dict[str, Callable[[Json], None]] = (
            {
                "response.output_text.delta": self._delta,
                "response.output_text.annotation.added": self._annotation,
                "response.output_text.done": lambda event: self._done(event["text"]),
                "response.content_part.done": lambda event: self._part_done(event, "text"),
            }
            if part["type"] == "output_text"
            else {
                "response.refusal.delta": self._delta,
                "response.refusal.done": lambda event: self._done(event["refusal"]),
                "response.content_part.done": lambda event: self._part_done(event, "refusal"),
            }
        )
        step = steps.get(kind)
        if step is None:
            raise Breach(f"{kind} does not belong to a part of the type {part['type']!r}")
        step(event)

    def _delta(self, event: Json) -> None:
        require(not self._text_done, "a delta after the text was done")
        self._text += event["delta"]
        self._logprobs += event.get("logprobs", [])

    def _annotation(self, event: Json) -> None:
        require(not self._text_done, "an annotation after the text was done")
        require(
            event["annotation_index"] == len(self._annotations),
            f"annotation_index is not {len(self._annotations)}",
        )
        self._annotations.append(event["annotation"])

    def _done(self, text: str) -> None:
        require(not self._text_done, "the text is done twice")
        require(text == self._text, "the deltas do not spell the finished text")
        self._text_done = True

    def _part_done(self, event: Json, field: str) -> None:
        require(self._text_done, "a part is done before its text")
        require(event["part"][field] == self._text, "the part differs from its events")
        require(
            event["part"].get("annotations", []) == self._annotations,
            "the part's annotations differ from its events",
        )
        require(
            event["part"].get("logprobs", []) == self._logprobs,
            "the part's log probabilities are not those of its deltas",
        )
        self._parts.append(event["part"])
        self._part = None

    def finish(self, item: Json) -> None:
        super().finish(item)
        require(self._part is None, "a message is done while a part is open")
        require(item["content"] == self._parts, "the message differs from its events")
        require(item["status"] != "in_progress", "a message is done while in progress")


class FunctionCallGrammar(ItemGrammar):
    def __init__(self, item: Json) -> None:
        super().__init__(item)
        require(item["arguments"] == "", "a call must be added with empty arguments")
        require(bool(item["call_id"] and item["name"]), "a call needs its call_id and name")
        self._text = ""
        self._done = False

    def take(self, kind: str, event: Json, /) -> None:
        if kind == "response.function_call_arguments.delta":
            require(not self._done, "a delta after the arguments were done")
            self._text += event["delta"]
        elif kind == "response.function_call_arguments.done":
            require(not self._done, "the arguments are done twice")
            require(event["arguments"] == self._text, "the deltas do not spell the arguments")
            require(event["name"] == self.item["name"], "the call's name has changed")
            self._done = True
        else:
            super().take(kind, event)

    def finish(self, item: Json) -> None:
        super().finish(item)
        require(self._done, "a call is done before its arguments")
        require(item["arguments"] == self._text, "the call differs from its events")
        require(item["status"] != "in_progress", "a call is done while in progress")


class CustomCallGrammar(ItemGrammar):
    def __init__(self, item: Json) -> None:
        super().__init__(item)
        require(item["input"] == "", "a custom call must be added with an empty input")
        require(bool(item["call_id"] and item["name"]), "a call needs its call_id and name")
        self._text = ""
        self._done = False

    def take(self, kind: str, event: Json, /) -> None:
        if kind == "response.custom_tool_call_input.delta":
            require(not self._done, "a delta after the input was done")
            self._text += event["delta"]
        elif kind == "response.custom_tool_call_input.done":
            require(not self._done, "the input is done twice")
            require(event["input"] == self._text, "the deltas do not spell the input")
            self._done = True
        else:
            super().take(kind, event)

    def finish(self, item: Json) -> None:
        super().finish(item)
        require(self._done, "a custom call is done before its input")
        require(item["input"] == self._text, "the call differs from its events")
        require(item["status"] != "in_progress", "a call is done while in progress")


class ReasoningGrammar(ItemGrammar):
    def __init__(self, item: Json) -> None:
        super().__init__(item)
        require(item["summary"] == [], "reasoning must be added with an empty summary")
        self._parts: list[str] = []
        self._texts: list[str] = []  # of the reasoning itself (A3)
        self._is_summary = True
        self._text: str | None = None
        self._text_done = False

    def take(self, kind: str, event: Json, /) -> None:
        step = {
            "response.reasoning_summary_part.added": self._part_added,
            "response.reasoning_summary_text.delta": self._delta,
            "response.reasoning_summary_text.done": self._done,
            "response.reasoning_summary_part.done": self._part_done,
            "response.content_part.added": self._part_added,
            "response.reasoning_text.delta": self._delta,
            "response.reasoning_text.done": self._done,
            "response.content_part.done": self._part_done,
        }.get(kind)
        if step is None:
            super().take(kind, event)
            return
        is_summary = "summary" in kind
        name, parts = (
            ("summary_index", self._parts) if is_summary else ("content_index", self._texts)
        )
        require(
            event[name] == len(parts),
            f"{name} is {event[name]}, expected {len(parts)}",
        )
        require(
            self._text is None or is_summary is self._is_summary,
            "a part of another kind is open",
        )
        self._is_summary = is_summary
        step(event)

    def _part_added(self, _event: Json) -> None:
        require(self._text is None, "a summary part is added while another is open")
        self._text, self._text_done = "", False

    def _delta(self, event: Json) -> None:
        require(not self._text_done, "a delta after the summary was done")
        self._text = self._open_part() + event["delta"]

    def _done(self, event: Json) -> None:
        require(event["text"] == self._open_part(), "the deltas do not spell the summary")
        self._text_done = True

    def _part_done(self, event: Json) -> None:
        require(self._text_done, "a summary part is done before its text")
        require(event["part"]["text"] == self._open_part(), "the part differs from its events")
        (self._parts if self._is_summary else self._texts).append(self._open_part())
        self._text = None

    def _open_part(self) -> str:
        if self._text is None:
            raise Breach("no summary part is open")
        return self._text

    def finish(self, item: Json) -> None:
        super().finish(item)
        require(self._text is None, "reasoning is done while a summary part is open")
        texts = [part["text"] for part in item["summary"]]
        require(texts == self._parts, "the summary differs from its events")
        contents = [part["text"] for part in item.get("content", ())]
        require(contents == self._texts, "the reasoning's text differs from its events")


class CompactionGrammar(ItemGrammar):
    def __init__(self, item: Json) -> None:
        super().__init__(item)
        self._was_compacting = False

    def take(self, kind: str, event: Json, /) -> None:
        if kind != "response.compaction.compacting":
            super().take(kind, event)
        self._was_compacting = True

    def finish(self, item: Json) -> None:
        super().finish(item)
        require(self._was_compacting, "a compaction is done before it was made")
        require(bool(item["encrypted_content"]), "a compaction is done without content")


def require(fact: bool, otherwise: str) -> None:
    """Raise a Breach with the message `otherwise` unless `fact` holds."""
    if not fact:
        raise Breach(otherwise)
