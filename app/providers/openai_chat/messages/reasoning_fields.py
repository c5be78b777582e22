"""Return a conversation's reasoning to a Chat server, in the fields that it expects (U15, U16)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.domain.items import FunctionCall, Reasoning
from app.providers.openai_chat.kept_fields import read_payload, returned
from app.providers.profiles import Profile, is_any, no_reasoning, wants_reasoning

Json = dict[str, Any]
_SEPARATOR = "\n\n"
#: Models that require no signature; and what the others accept in place of one.
#: ai.google.dev, "Thought signatures": for calls that another model has made.
_UNSIGNED = ("gemini-1*", "gemini-2*")
_NO_SIGNATURE = {"google": {"thought_signature": "skip_thought_signature_validator"}}


class ReasoningFields:
    """Adds reasoning and returned fields to the messages of the assistant.

    Fields from a server (KeptFields) are returned only to the model that they are from. The text
    of reasoning goes into each message with calls, if the profile has a field for it; text from a
    server is returned in the field that it came in. A model that does not think, as `thinks` says,
    gets neither. `is_needed` says that calls require a field even without reasoning.
    """

    def __init__(self, profile: Profile, model: str, *, thinks: bool) -> None:
        self._profile = profile
        self._model = model
        self._thinks = thinks
        self._signs = profile.signed_calls and thinks and not is_any(model, _UNSIGNED)
        self._field, self._fills = profile.reasoning_field, profile.empty_reasoning
        if profile.is_unknown and not self._field and wants_reasoning(model):
            self._field, self._fills = "reasoning_content", True
        self.is_needed = self._fills or self._signs
        self.is_empty = True  # there is no reasoning in this turn
        self._payloads: list[Json] = []
        self._thoughts: list[str] = []
        self._parts: list[Json] = []

    def take(self, item: Reasoning) -> None:
        """Add a reasoning item of the assistant's current turn."""
        if not self._thinks:
            return
        self.is_empty = False
        payload = read_payload(item.encrypted_content, self._model)
        if payload is not None:
            self._payloads.append(payload)
        elif item.encrypted_content is not None:
            return  # another model's
        text = (payload or {}).get("text")
        thoughts = [text] if text else item.content or item.summary
        self._thoughts += thoughts
        self._parts.append(_thinking_part(thoughts, payload or {}))

    def completed(
        self, message: Json, calls: Sequence[FunctionCall] = (), *, follows_calls: bool = False
    ) -> Json:
        """Return the turn's message with these fields; `calls` are those in its tool_calls.

        `follows_calls` says that it comes after calls, with nobody else's message since.
        """
        message = self._with_fields(message, calls, follows_calls=follows_calls)
        if self._signs and calls and not any("extra_content" in c for c in message["tool_calls"]):
            message["tool_calls"][0]["extra_content"] = _NO_SIGNATURE  # the first stands for all
        return message

    def _with_fields(
        self, message: Json, calls: Sequence[FunctionCall], *, follows_calls: bool
    ) -> Json:
        if self._profile.thinking_parts:
            return self._with_parts(message)
        is_wanted = bool(calls) or (follows_calls and self._profile.reasoning_after_calls)
        if self.is_empty and not (is_wanted and self._fills):
            return message
        if calls and self._thoughts and any(each.get("in_tags") for each in self._payloads):
            message["content"] = self._in_tags(message["content"] or "")
        elif is_wanted or self._payloads:
            message |= self._text(is_wanted=is_wanted)
        if not self._payloads or not self._profile.returns_unknown_fields:
            return message
        fields, of_calls = returned(self._payloads, calls)
        for at, given in of_calls.items():
            call = message["tool_calls"][at]
            function = given.pop("function", {}) | call["function"]
            message["tool_calls"][at] = given | call | {"function": function}
        return fields | message

    def end_turn(self) -> None:
        """Forget the reasoning of the turn."""
        self.is_empty = True
        self._payloads, self._thoughts, self._parts = [], [], []

    def _with_parts(self, message: Json) -> Json:
        """Return the message with its thoughts as parts before the text (Mistral)."""
        parts = [part for part in self._parts if part["thinking"] or "signature" in part]
        if not parts:
            return message
        text = [{"type": "text", "text": message["content"]}] if message["content"] else []
        return message | {"content": [*parts, *text]}

    def _in_tags(self, content: str) -> str:
        """Return a content with its thoughts in tags before it (MiniMax expects them there)."""
        tag = self._profile.think_tag
        return f"<{tag}>\n{_SEPARATOR.join(self._thoughts)}\n</{tag}>\n\n{content}"

    def _text(self, *, is_wanted: bool) -> Json:
        profile = self._profile
        came_in = [each["field"] for each in self._payloads if each.get("text")]
        field = self._field if is_wanted or came_in else ""
        if not field and came_in and profile.returns_unknown_fields:
            field = came_in[-1]
        if not field or not self._thinks:
            return {}
        if self._thoughts:
            return {field: _SEPARATOR.join(self._thoughts)}
        if is_wanted and self._fills:
            return {field: no_reasoning(self._model)}
        return {}


def _thinking_part(thoughts: Sequence[str], payload: Json) -> Json:
    """Return thoughts as a part of a message's content, with the signature that it came with."""
    texts = [{"type": "text", "text": thought} for thought in thoughts]
    signature = {"signature": payload["signature"]} if "signature" in payload else {}
    return {"type": "thinking", "thinking": texts, "closed": True} | signature
