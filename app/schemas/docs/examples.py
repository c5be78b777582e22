"""Requests as callers might send them, and the frames of a stream."""

from __future__ import annotations

from typing import Any

_EVENT = {"$ref": "#/components/schemas/StreamEvent"}
FRAME: dict[str, Any] = {
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
FRAMES = 'event: response.created\ndata: {"type": "response.created"}\n\ndata: [DONE]\n\n'
REQUESTS: dict[str, Any] = {
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
COMPACTIONS: dict[str, Any] = {
    "conversation": {
        "value": {
            "model": "local/echo",
            "input": [
                {"role": "user", "content": "What is the capital of France?"},
                {"role": "assistant", "content": "Paris."},
            ],
        }
    }
}
