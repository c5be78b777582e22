"""Every operation of the API, by path and method."""

from __future__ import annotations

from typing import Any

from app.schemas.docs.errors import errors
from app.schemas.docs.headers import ANSWERED, LIMITS, headers
from app.schemas.requests import INCLUDE_VALUES, CreateRequestSchema
from app.schemas.told.answers import (
    DeletedSchema,
    EndpointSchema,
    HealthSchema,
    ItemListSchema,
    ModelListSchema,
    ModelSchema,
    ReadinessSchema,
)
from app.schemas.told.responses import ResponseSchema

RESPONSES = "/v1/responses"
_ONE = f"{RESPONSES}/{{response_id}}"
_JSON = "application/json"
_KEYED = (401, 403, 429, 500, 503)
_OPEN: dict[str, Any] = {"security": []}

Json = dict[str, Any]


def operations() -> dict[str, dict[str, Json]]:
    """Return every operation, the OpenAPI way; each call makes them anew."""
    return {
        RESPONSES: {"post": _create(), "get": _describe()},
        _ONE: {"get": _retrieve(), "delete": _delete()},
        f"{_ONE}/input_items": {"get": _input_items()},
        "/v1/models": {"get": _list_models()},
        "/v1/models/{model}": {"get": _retrieve_model()},
        "/healthz": {"get": _healthz()},
        "/readyz": {"get": _readyz()},
        "/metrics": {"get": _metrics()},
        "/openapi.json": {"get": _openapi()},
    }


def _create() -> Json:
    told = _answer("The response, whole; or, with `stream`, its events.", ResponseSchema())
    told["headers"] = headers(*ANSWERED, *LIMITS)
    told["content"]["text/event-stream"] = {"schema": _FRAME, "example": _FRAMES}
    return {
        "operationId": "createResponse",
        "summary": "Create a response: whole, or streamed as server-sent events.",
        "requestBody": {
            "required": True,
            "content": {_JSON: {"schema": CreateRequestSchema(), "examples": _EXAMPLES}},
        },
        "responses": {"200": told} | errors(400, 404, 413, 415, *_KEYED),
    }


_EVENT = {"$ref": "#/components/schemas/StreamEvent"}
_FRAME: Json = {
    "type": "object",
    "description": "A frame of the stream; the last one's data is [DONE].",
    "required": ["data"],
    "properties": {
        "event": {"type": "string", "description": "The type of the event in the data."},
        "data": {
            "anyOf": [
                {"const": "[DONE]"},
                {
                    "type": "string",
                    "contentMediaType": "application/json",
                    "contentSchema": _EVENT,
                },
            ]
        },
    },
}
_FRAMES = 'event: response.created\ndata: {"type": "response.created"}\n\ndata: [DONE]\n\n'
_EXAMPLES: Json = {
    "text": {"value": {"model": "local/echo", "input": "Say hello."}},
    "conversation": {
        "value": {
            "model": "local/echo",
            "instructions": "Be brief.",
            "input": [
                {"role": "user", "content": "What is the capital of France?"},
                {"role": "assistant", "content": "Paris."},
                {"role": "user", "content": [{"type": "input_text", "text": "And of Italy?"}]},
            ],
        }
    },
    "tools": {
        "value": {
            "model": "local/echo",
            "input": "How warm is it in Rome?",
            "stream": True,
            "tools": [
                {
                    "type": "function",
                    "name": "temperature",
                    "parameters": {
                        "type": "object",
                        "properties": {"city": {"type": "string"}},
                        "required": ["city"],
                        "additionalProperties": False,
                    },
                }
            ],
        }
    },
}


def _describe() -> Json:
    return {
        "operationId": "describeResponses",
        "summary": "Tell what this endpoint takes.",
        "responses": {"200": _answer("What it takes.", EndpointSchema())} | errors(*_KEYED),
    }


def _retrieve() -> Json:
    stream = _query("stream", {"type": "boolean", "default": False}, "Replay its events.")
    return {
        "operationId": "retrieveResponse",
        "summary": "Retrieve a stored response.",
        "parameters": [_response_id(), _include(), stream],
        "responses": {"200": _answer("The response.", ResponseSchema())}
        | errors(400, 404, *_KEYED),
    }


def _delete() -> Json:
    return {
        "operationId": "deleteResponse",
        "summary": "Delete a stored response; later turns keep their whole context.",
        "parameters": [_response_id()],
        "responses": {"200": _answer("It is deleted.", DeletedSchema())}
        | errors(400, 404, *_KEYED),
    }


def _input_items() -> Json:
    limit = {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}
    order = {"type": "string", "enum": ["asc", "desc"], "default": "desc"}
    return {
        "operationId": "listInputItems",
        "summary": "List what the model saw, the turns before included.",
        "parameters": [
            _response_id(),
            _query("limit", limit, "How many items a page holds."),
            _query("order", order, "asc is oldest first."),
            _query("after", {"type": "string"}, "The id of the item that the page follows."),
            _query("before", {"type": "string"}, "The id of the item that the page precedes."),
            _include(),
        ],
        "responses": {"200": _answer("A page of items.", ItemListSchema())}
        | errors(400, 404, *_KEYED),
    }


def _list_models() -> Json:
    return {
        "operationId": "listModels",
        "summary": "List the models that this key may use.",
        "responses": {"200": _answer("The models.", ModelListSchema())} | errors(*_KEYED),
    }


def _retrieve_model() -> Json:
    model = {"in": "path", "name": "model", "required": True, "schema": {"type": "string"}}
    return {
        "operationId": "retrieveModel",
        "summary": "Describe one model; its id may hold slashes.",
        "parameters": [model],
        "responses": {"200": _answer("The model.", ModelSchema())} | errors(404, *_KEYED),
    }


def _healthz() -> Json:
    return _OPEN | {
        "operationId": "healthz",
        "summary": "Tell that the process lives.",
        "responses": {"200": _answer("It lives.", HealthSchema())},
    }


def _readyz() -> Json:
    readiness = ReadinessSchema()
    return _OPEN | {
        "operationId": "readyz",
        "summary": "Tell whether requests would be served now.",
        "responses": {
            "200": _answer("They would.", readiness),
            "503": _answer("They would not; the checks say why.", readiness),
        },
    }


def _metrics() -> Json:
    return _OPEN | {
        "operationId": "metrics",
        "summary": "Expose the metrics of all processes together, for Prometheus.",
        "responses": {
            "200": {
                "description": "The metrics.",
                "headers": headers(),
                "content": {"text/plain": {"schema": {"type": "string"}}},
            }
        },
    }


def _openapi() -> Json:
    return _OPEN | {
        "operationId": "openapi",
        "summary": "Return this document.",
        "responses": {"200": _answer("This document.", {"type": "object"})},
    }


def _answer(description: str, schema: object) -> Json:
    content = {_JSON: {"schema": schema}}
    return {"description": description, "headers": headers(*LIMITS), "content": content}


def _response_id() -> Json:
    schema = {"type": "string", "pattern": "^resp_[A-Za-z0-9_-]{1,123}$"}
    return {"in": "path", "name": "response_id", "required": True, "schema": schema}


def _query(name: str, schema: Json, description: str) -> Json:
    return {"in": "query", "name": name, "schema": schema, "description": description}


def _include() -> Json:
    values = {"type": "string", "enum": sorted(INCLUDE_VALUES)}
    about = "What to show beside the usual; `include[]` and comma lists are understood too."
    return _query("include", {"type": "array", "items": values}, about)
