"""Parameters of other APIs, or not offered: each is refused with the name of its replacement.

Those of Chat Completions are known to be mistakes here: ignoring them would answer a request
other than the one intended (R21).
"""

from __future__ import annotations

from typing import Any

from app.domain.hosted.moderation import blocking
from app.schemas.depth import MOST_NESTED, TOO_DEEP, is_shallow
from app.schemas.document import Document
from app.schemas.field import ReadContext, Refer, StrictField
from app.schemas.invalid import InvalidField


class UnsupportedField(StrictField):
    """A parameter of OpenAI's Responses API that is not offered here (E10)."""

    what = "is not offered here"

    def __init__(self, remedy: str) -> None:
        super().__init__(about="Not supported: any value other than null is rejected.")
        self.remedy = remedy

    def check(self, value: Any, at: str, context: ReadContext) -> None:
        raise self.invalid("unsupported_parameter", at, f"{self.what}: {self.remedy}")

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {"not": {}}


class ChatField(UnsupportedField):
    """A parameter of Chat Completions that has another name here, or no counterpart."""

    what = "is a parameter of Chat Completions"

    def check(self, value: Any, at: str, context: ReadContext) -> None:
        if not context.was_taken:
            super().check(value, at, context)


class MessagesField(ChatField):
    """A parameter of Anthropic's Messages that has another name here."""

    what = "is a parameter of Anthropic's Messages"


class ChatParametersSchema(Document):
    """Parameters of other APIs that this one does not have, each with its replacement."""

    system = MessagesField("send it as 'instructions'.")
    stop_sequences = MessagesField(
        "the Responses API has no stop sequences; cut the text that comes."
    )

    messages = ChatField("send them as 'input'.")
    max_tokens = ChatField("send 'max_output_tokens'.")
    max_completion_tokens = ChatField("send 'max_output_tokens'.")
    response_format = ChatField("send it as 'text.format'.")
    reasoning_effort = ChatField("send 'reasoning.effort'.")
    verbosity = ChatField("send 'text.verbosity'.")
    functions = ChatField("send 'tools', each of type \"function\".")
    function_call = ChatField("send 'tool_choice'.")
    n = ChatField("the Responses API gives one answer; send as many requests as you want answers.")
    stop = ChatField("the Responses API has no stop sequences; cut the text that comes.")
    logit_bias = ChatField("the Responses API has none; leave it out.")
    logprobs = ChatField(
        "send 'top_logprobs', and 'include' with \"message.output_text.logprobs\"."
    )


class ModerationField(StrictField):
    """How OpenAI's moderation should judge a request and its answer (R22).

    If the provider does not receive it (P1), scoring is omitted and listed as ignored. Blocking
    is a safety requirement, which must not be ignored: it is refused.
    """

    def check(self, value: Any, at: str, context: ReadContext) -> dict[str, Any]:
        if type(value) is not dict:
            raise self.mistyped(at, "an object", value)
        if not is_shallow(value, MOST_NESTED):
            raise self.invalid("invalid_value", at, TOO_DEEP)
        path = self.path(at)
        if context.forwards(path, value):
            return value
        for where in () if context.was_taken else blocking(value, path):
            what = (
                "asks for blocking, which is not done here: have the text judged before you send "
                'it, leave the policy at "score", or ask for a model whose provider judges it.'
            )
            raise InvalidField("unsupported_value", where, what)
        context.ignore(path)
        return value

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": True}
