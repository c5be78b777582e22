"""Parameters with their own checks: the model, what continues a conversation, `include`."""

from __future__ import annotations

from typing import Any

from app.domain.ids import is_conversation_id, is_response_id
from app.domain.models import is_deep_research
from app.domain.request import INCLUDE_ENCRYPTED, INCLUDE_LOGPROBS
from app.domain.tools import included
from app.schemas.document import Document
from app.schemas.field import ReadContext, Refer, StrictField
from app.schemas.fields import String
from app.schemas.invalid import InvalidField, array_at, listed, mistyped, quoted

_INCLUDED_ALWAYS = "message.input_image.image_url"
_MOST_INCLUDED = 100
_ACTED_ON = frozenset({INCLUDE_ENCRYPTED, INCLUDE_LOGPROBS, _INCLUDED_ALWAYS})
_INCLUDE = (
    INCLUDE_ENCRYPTED,
    INCLUDE_LOGPROBS,
    _INCLUDED_ALWAYS,
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
)
#: The message for a malformed id.
_FORM = "is not {}: that is \"{}\" and up to 123 letters, digits, '_' or '-'."
#: Values of `include`, in bodies and in queries (R11).
INCLUDE_VALUES = frozenset(_INCLUDE)


class ModelField(String):
    """The model's id. Deep-research models need features that this API does not offer (R6)."""

    def check(self, value: Any, at: str, context: ReadContext) -> str:
        model = super().check(value, at, context)
        if is_deep_research(model):
            what = "names a deep-research model, which is not offered here: choose another."
            raise self.invalid("unsupported_value", at, what)
        return model


class IncludeField(StrictField):
    """What the caller wants in the response in addition to the default."""

    def check(self, value: Any, at: str, context: ReadContext) -> frozenset[str]:
        wanted = "an array of strings"
        for index, each in enumerate(array_at(value, self.path(at), _MOST_INCLUDED, wanted)):
            path = f"{self.path(at)}[{index}]"
            if type(each) is not str:
                raise mistyped(path, "a string", each)
            if each not in INCLUDE_VALUES:
                what = f"must be {listed(_INCLUDE)}, not {quoted(each)}."
                raise InvalidField("invalid_value", path, what)
            if each not in _ACTED_ON and not _is_passed(each, context):
                context.ignore(path)
        return frozenset(value)

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        values = {"type": "string", "enum": list(_INCLUDE)}
        return {"type": "array", "maxItems": _MOST_INCLUDED, "items": values}


def _is_passed(value: str, context: ReadContext) -> bool:
    """Tell whether it concerns a tool that the model's provider runs for this caller (P2)."""
    tools = context.policy.restricted(context.allowed_tools).hosted_tools
    return bool(included((value,), tools))


class PreviousResponseField(StrictField):
    """The id of the response that this one continues (S1)."""

    def check(self, value: Any, at: str, context: ReadContext) -> str:
        if type(value) is not str:
            raise self.mistyped(at, "a string", value)
        if not is_response_id(value):
            what = _FORM.format("a response id", "resp_")
            if is_conversation_id(value):
                what = "is the id of a conversation: send it as 'conversation'."
            raise self.invalid("invalid_response_id", at, what)
        return value

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {"type": "string", "pattern": "^resp_[A-Za-z0-9_-]{1,123}$"}


class ConversationIdField(StrictField):
    """The id of a conversation."""

    def check(self, value: Any, at: str, context: ReadContext) -> str:
        if type(value) is not str:
            raise self.mistyped(at, "the id of a conversation", value)
        if not is_conversation_id(value):
            what = _FORM.format("a conversation id", "conv_")
            if is_response_id(value):
                what = "is the id of a response: send it as 'previous_response_id'."
            raise self.invalid("invalid_value", at, what)
        return value

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {"type": "string", "pattern": "^conv_[A-Za-z0-9_-]{1,123}$"}


class NamedConversationSchema(Document):
    about = "The conversation to continue."

    id = ConversationIdField(required=True, about="The conversation's id.")


class ConversationField(ConversationIdField):
    """The response's conversation: its id, or an object with that id (C1)."""

    def check(self, value: Any, at: str, context: ReadContext) -> str:
        if type(value) is not dict:
            return super().check(value, at, context)
        found: str = _NAMED.read_fields(value, self.path(at), context)["id"]
        return found

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        identity = super().json_schema(refer)
        named = identity | {"description": "The conversation's id."}
        whole = {"type": "object", "properties": {"id": named}, "required": ["id"]}
        return {"anyOf": [identity, whole]}


_NAMED = NamedConversationSchema()
