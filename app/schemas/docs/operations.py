"""Every operation of the API, by path and method."""

from __future__ import annotations

from app.schemas.docs.conversations import CONVERSATIONS, conversation_operations
from app.schemas.docs.details import DETAILS, group_of
from app.schemas.docs.elements import JSON as _JSON
from app.schemas.docs.elements import KEYED as _KEYED
from app.schemas.docs.elements import Json, content_key, header, page_parameters, path_parameter
from app.schemas.docs.elements import answer as _answer
from app.schemas.docs.elements import include as _include
from app.schemas.docs.elements import query as _query
from app.schemas.docs.errors import errors
from app.schemas.docs.examples import (
    COMPACTIONS,
    FRAME,
    REQUESTS,
    answers,
    deleted_response,
    frames,
    items,
    queued,
)
from app.schemas.docs.headers import ANSWERED, LIMITS, QUEUED, headers
from app.schemas.docs.platform import platform_operations
from app.schemas.docs.webhooks import webhook_operations
from app.schemas.request.compact import CompactRequestSchema
from app.schemas.request.create import CreateRequestSchema, InputTokensSchema
from app.schemas.wire.answers import (
    CompactedConversationSchema,
    DeletedSchema,
    EndpointSchema,
    ItemListSchema,
    TokenCountSchema,
)
from app.schemas.wire.models.agent_catalog import AgentCatalogSchema
from app.schemas.wire.models.cards import ModelListSchema, ModelSchema
from app.schemas.wire.responses import ResponseSchema
from app.schemas.wire.usage import UsageReportSchema

RESPONSES = "/v1/responses"
_ONE = f"{RESPONSES}/{{response_id}}"
_WAIT = {"type": "integer", "minimum": 0, "maximum": 60, "default": 0}
_STREAM = {"type": "boolean", "default": False}
_NUMBER = {"type": "integer", "minimum": 0}
_KEY = {"type": "string", "pattern": "^[!-~]{1,255}$"}
_LEFT = {"type": "string", "enum": ["cancel", "continue"], "default": "cancel"}


def operations() -> dict[str, dict[str, Json]]:
    """Return every operation in OpenAPI's form; each call builds them anew."""
    made: dict[str, dict[str, Json]] = {
        RESPONSES: {"post": _create(), "get": _describe()},
        _ONE: {"get": _retrieve(), "delete": _delete()},
        f"{RESPONSES}/input_tokens": {"post": _count_input()},
        f"{RESPONSES}/compact": {"post": _compact()},
        f"{_ONE}/cancel": {"post": _cancel()},
        f"{_ONE}/input_items": {"get": _input_items()},
        **conversation_operations(),
        **webhook_operations(),
        "/v1/models": {"get": _list_models()},
        "/v1/models/{model}": {"get": _retrieve_model()},
        "/v1/usage": {"get": _usage()},
        **platform_operations(),
    }
    for path, methods in made.items():
        for operation in methods.values():
            operation["tags"] = [group_of(path)]
            operation["description"] = DETAILS[operation["operationId"]]
            if path.startswith((RESPONSES, CONVERSATIONS)):
                operation["parameters"] = [*operation.get("parameters", ()), *content_key()]
    return made


def _create() -> Json:
    answer = _answer("The complete response; with `stream`, its events.", ResponseSchema())
    answer["headers"] = headers(*ANSWERED, "Idempotent-Replayed", *LIMITS)
    answer["content"][_JSON]["examples"] = answers()
    answer["content"] |= _frames()
    accepted = _answer("With `background`: the queued response.", ResponseSchema(), queued())
    accepted["headers"] = headers(*QUEUED, *LIMITS)
    return {
        "operationId": "createResponse",
        "summary": "Create a response: returned whole, streamed as events, or generated in the "
        "background.",
        "parameters": [
            _idempotency_key(),
            header(
                "X-On-Disconnect",
                _LEFT,
                "What to do if the client disconnects during a "
                "stream: cancel the response, or continue it.",
            ),
        ],
        "requestBody": {
            "required": True,
            "content": {_JSON: {"schema": CreateRequestSchema(), "examples": REQUESTS}},
        },
        "responses": {"200": answer, "202": accepted}
        | errors(400, 404, 408, 413, 415, 422, *_KEYED),
    }


def _idempotency_key() -> Json:
    return header(
        "Idempotency-Key",
        _KEY,
        "Requests with the same key and body are executed only once within 24 hours.",
    )


def _count_input() -> Json:
    counted = _answer("The count, or an estimate; `X-Estimated` tells which.", TokenCountSchema())
    counted["headers"] = headers("X-Estimated", "X-Ignored-Parameters", *LIMITS)
    return {
        "operationId": "countInputTokens",
        "summary": "Count the input tokens of a request, including its history and tools.",
        "requestBody": {
            "required": True,
            "content": {_JSON: {"schema": InputTokensSchema(), "examples": REQUESTS}},
        },
        "responses": {"200": counted} | errors(400, 404, 408, 413, 415, *_KEYED),
    }


def _compact() -> Json:
    compacted = _answer("The compacted conversation.", CompactedConversationSchema())
    compacted["headers"] = headers(*ANSWERED, "Idempotent-Replayed", *LIMITS)
    return {
        "operationId": "compactConversation",
        "summary": "Compact a conversation to the user's messages and a sealed summary.",
        "parameters": [_idempotency_key()],
        "requestBody": {
            "required": True,
            "content": {_JSON: {"schema": CompactRequestSchema(), "examples": COMPACTIONS}},
        },
        "responses": {"200": compacted} | errors(400, 404, 408, 413, 415, 422, *_KEYED),
    }


def _describe() -> Json:
    return {
        "operationId": "describeResponses",
        "summary": "Describe this endpoint.",
        "responses": {"200": _answer("A description of the endpoint.", EndpointSchema())}
        | errors(400, 426, *_KEYED),
    }


def _frames() -> Json:
    return {"text/event-stream": {"schema": FRAME, "example": frames()}}


def _retrieve() -> Json:
    answer = _answer("The response; or, with `stream`, its events.", ResponseSchema())
    answer["content"] |= _frames()
    return {
        "operationId": "retrieveResponse",
        "summary": "Retrieve a stored response, wait for its end, or replay its events.",
        "parameters": [
            _response_id(),
            _include(),
            _query("wait", _WAIT, "Seconds to wait for the end of a background response."),
            _query(
                "stream",
                _STREAM,
                "Replay the events, and follow a background response that is still in progress.",
            ),
            _query(
                "starting_after",
                _NUMBER,
                "The `sequence_number` of the last event that the "
                "client has; the replay starts after it.",
            ),
        ],
        "responses": {"200": answer} | errors(400, 404, *_KEYED),
    }


def _cancel() -> Json:
    return {
        "operationId": "cancelResponse",
        "summary": "Cancel a background response; one that has ended is not changed.",
        "parameters": [_response_id()],
        "responses": {"200": _answer("The response.", ResponseSchema())}
        | errors(400, 404, *_KEYED),
    }


def _usage() -> Json:
    day = {"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]}
    group = {
        "type": "array",
        "items": {"type": "string"},
        "default": ["day", "key", "model"],
    }
    return {
        "operationId": "readUsage",
        "summary": "Show the usage of the caller's account by day, key, model or other groups.",
        "parameters": [
            _query(
                "from",
                day,
                "The first day, in UTC; by default 30 days before the last. A date and time counts "
                "as its day.",
            ),
            _query(
                "to",
                day,
                "The last day, in UTC; by default today. A date and time at midnight counts as the "
                "end of the day before.",
            ),
            _query(
                "group_by",
                group,
                "What to group by: `day`, `key`, `model`, `user` and `metadata.KEY`, for the "
                "metadata keys that the gateway's operator has chosen. `group_by[]` and "
                "comma-separated lists are accepted as well.",
            ),
        ],
        "responses": {"200": _answer("The usage.", UsageReportSchema())} | errors(400, *_KEYED),
    }


def _delete() -> Json:
    return {
        "operationId": "deleteResponse",
        "summary": "Delete a stored response; later turns keep their full context.",
        "parameters": [_response_id()],
        "responses": {"200": _answer("Confirms the deletion.", DeletedSchema(), deleted_response())}
        | errors(400, 404, *_KEYED),
    }


def _input_items() -> Json:
    return {
        "operationId": "listInputItems",
        "summary": "List the input items of a response, including those of earlier turns.",
        "parameters": [
            _response_id(),
            *page_parameters(),
            _include(),
        ],
        "responses": {"200": _answer("A page of items.", ItemListSchema(), items())}
        | errors(400, 404, *_KEYED),
    }


def _list_models() -> Json:
    words = "The version of Codex; if it is sent, the list is in Codex's format."
    version = _query("client_version", {"type": "string"}, words)
    models = _answer("The models.", ModelListSchema())
    models["content"][_JSON]["schema"] = {"anyOf": [ModelListSchema(), AgentCatalogSchema()]}
    return {
        "operationId": "listModels",
        "summary": "List the models that this key may use.",
        "parameters": [version],
        "responses": {"200": models} | errors(*_KEYED),
    }


def _retrieve_model() -> Json:
    model = path_parameter("model", {"type": "string"}, "The model's id.")
    return {
        "operationId": "retrieveModel",
        "summary": "Describe one model; its id may contain slashes.",
        "parameters": [model],
        "responses": {"200": _answer("The model.", ModelSchema())} | errors(404, *_KEYED),
    }


def _response_id() -> Json:
    schema = {"type": "string", "pattern": "^resp_[A-Za-z0-9_-]{1,123}$"}
    return path_parameter("response_id", schema, "The response's id.")
