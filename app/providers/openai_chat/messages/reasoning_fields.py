"""The reasoning of a conversation in the fields that a Chat server wants it back in (U15, U16)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.domain.items import FunctionCall, Reasoning
from app.providers.openai_chat.kept_fields import read_payload, returned
from app.providers.profiles import Profile, is_any, no_reasoning

Json = dict[str, Any]
_SEPARATOR = "\n\n"
#: Models that look for no signature; and what the others take in the place of one.
#: ai.google.dev, "Thought signatures": for calls that another model has made.
_UNSIGNED = ("gemini-1*", "gemini-2*")
_NO_SIGNATURE = {"google": {"thought_signature": "skip_thought_signature_validator"}}


class ReasoningFields:
    """What goes into the messages of the assistant beside what it said and called.

    What a server gave to travel back (KeptFields) goes back to the model that it is from; the
    text of reasoning goes into each message with calls where the profile has a field for it, and
    where it travelled back, into the field that it came in. Neither goes to a model that does not
    think, as `thinks` says. `is_needed` says that calls lack something even where nothing was
    thought.
    """

    def __init__(self, profile: Profile, model: str, *, thinks: bool) -> None:
        self._profile = profile
        self._model = model
        self._thinks = thinks
        self._signs = profile.signed_calls and thinks and not is_any(model, _UNSIGNED)
        self.is_needed = profile.empty_reasoning or self._signs
        self.is_empty = True  # nothing was thought in this turn
        self._payloads: list[Json] = []
        self._thoughts: list[str] = []

    def take(self, item: Reasoning) -> None:
        """Take in what was thought before, or while, the assistant says what comes next."""
        if not self._thinks:
            return
        self.is_empty = False
        payload = read_payload(item.encrypted_content, self._model)
        if payload is not None:
            self._payloads.append(payload)
        elif item.encrypted_content is not None:
            return  # another model's
        text = (payload or {}).get("text")
        self._thoughts += [text] if text else item.content or item.summary

    def completed(
        self, message: Json, calls: Sequence[FunctionCall] = (), *, follows_calls: bool = False
    ) -> Json:
        """Return the turn's message with these fields; `calls` are those in its tool_calls.

        `follows_calls` says that it stands behind others, which nobody has spoken since.
        """
        message = self._with_fields(message, calls, follows_calls=follows_calls)
        if self._signs and calls and not any("extra_content" in c for c in message["tool_calls"]):
            message["tool_calls"][0]["extra_content"] = _NO_SIGNATURE  # the first stands for all
        return message

    def _with_fields(
        self, message: Json, calls: Sequence[FunctionCall], *, follows_calls: bool
    ) -> Json:
        is_wanted = bool(calls) or (follows_calls and self._profile.reasoning_after_calls)
        if self.is_empty and not (is_wanted and self._profile.empty_reasoning):
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
        """Forget the turn's."""
        self.is_empty = True
        self._payloads, self._thoughts = [], []

    def _in_tags(self, content: str) -> str:
        """Return a content behind the thoughts that stood before it (MiniMax wants them there)."""
        tag = self._profile.think_tag
        return f"<{tag}>\n{_SEPARATOR.join(self._thoughts)}\n</{tag}>\n\n{content}"

    def _text(self, *, is_wanted: bool) -> Json:
        profile = self._profile
        came_in = [each["field"] for each in self._payloads if each.get("text")]
        field = profile.reasoning_field if is_wanted or came_in else ""
        if not field and came_in and profile.returns_unknown_fields:
            field = came_in[-1]
        if not field or not self._thinks:
            return {}
        if self._thoughts:
            return {field: _SEPARATOR.join(self._thoughts)}
        if is_wanted and profile.empty_reasoning:
            return {field: no_reasoning(self._model)}
        return {}
