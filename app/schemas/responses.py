"""Responses as JSON: the whole object at every moment of its life."""

from __future__ import annotations

from typing import Any

from app.domain.items import output_text
from app.domain.request import CreateRequest, JsonSchemaFormat, TextOptions
from app.domain.response import Response, ResponseError, Usage
from app.domain.tools import AllowedTools, FunctionTool, NamedFunction, ToolChoice
from app.schemas.items import item_from_json, item_json


def echo(request: CreateRequest) -> dict[str, Any]:
    """Return the request's parameters as every response to it shows them."""
    asked = request.parameters
    return {
        "background": request.background,
        "frequency_penalty": asked.frequency_penalty or 0,
        "instructions": asked.instructions,
        "max_output_tokens": asked.max_output_tokens,
        "max_tool_calls": asked.max_tool_calls,
        "metadata": asked.metadata,
        "parallel_tool_calls": asked.parallel_tool_calls is not False,
        "presence_penalty": asked.presence_penalty or 0,
        "previous_response_id": request.previous_response_id,
        "prompt_cache_key": asked.prompt_cache_key,
        "prompt_cache_retention": asked.prompt_cache_retention,
        "reasoning": {
            "effort": asked.reasoning and asked.reasoning.effort,
            "summary": asked.reasoning and asked.reasoning.summary,
        },
        "safety_identifier": asked.safety_identifier,
        "store": request.store,
        "temperature": 1 if asked.temperature is None else asked.temperature,
        "text": text_json(asked.text),
        "tool_choice": tool_choice_json(asked.tool_choice),
        "tools": list(map(tool_json, asked.tools)),
        "top_logprobs": asked.top_logprobs or 0,
        "top_p": 1 if asked.top_p is None else asked.top_p,
        "truncation": request.truncation,
        "user": asked.user,
    }


def tool_json(tool: FunctionTool) -> dict[str, Any]:
    """Return a tool with all five keys, whatever the caller left out."""
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
        "strict": tool.strict,
    }


def tool_from_json(shown: dict[str, Any]) -> FunctionTool:
    """Return the tool that `tool_json` showed."""
    return FunctionTool(shown["name"], shown["description"], shown["parameters"], shown["strict"])


def tool_choice_json(choice: ToolChoice) -> str | dict[str, Any]:
    """Return a tool choice as the wire shows it."""
    match choice:
        case NamedFunction():
            return {"type": "function", "name": choice.name}
        case AllowedTools():
            tools = [{"type": "function", "name": name} for name in choice.names]
            return {"type": "allowed_tools", "mode": choice.mode, "tools": tools}
        case _:
            return choice


def text_json(text: TextOptions) -> dict[str, Any]:
    """Return the text options, a JSON schema format in its flat form (R9)."""
    shown: dict[str, Any] = {"verbosity": text.verbosity or "medium"}
    match text.format:
        case JsonSchemaFormat() as given:
            return shown | {
                "format": {
                    "type": "json_schema",
                    "name": given.name,
                    "description": given.description,
                    "schema": given.schema,
                    "strict": given.strict,
                }
            }
        case kind:
            return shown | {"format": {"type": kind}}


def response_json(response: Response) -> dict[str, Any]:
    """Return the whole response object."""
    reason = response.incomplete_reason
    error = response.error
    return {
        "id": response.id,
        "object": "response",
        "created_at": response.created_at,
        "completed_at": response.completed_at,
        "status": response.status,
        "error": error and {"code": error.code, "message": error.message},
        "incomplete_details": reason and {"reason": reason},
        "model": response.model,
        "output": list(map(item_json, response.output)),
        "output_text": output_text(response.output),
        "service_tier": response.service_tier,
        "usage": response.usage and usage_json(response.usage),
        **response.echo,
    }


def usage_json(usage: Usage) -> dict[str, Any]:
    """Return every counter, 0 where the upstream told none."""
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }


_OWN = frozenset(
    {
        "id",
        "object",
        "created_at",
        "completed_at",
        "status",
        "error",
        "incomplete_details",
        "model",
        "output",
        "output_text",
        "service_tier",
        "usage",
    }
)


def response_from_json(shown: dict[str, Any]) -> Response:
    """Return the response that `response_json` showed."""
    error, usage, incomplete = shown["error"], shown["usage"], shown["incomplete_details"]
    return Response(
        id=shown["id"],
        model=shown["model"],
        created_at=shown["created_at"],
        echo={name: value for name, value in shown.items() if name not in _OWN},
        status=shown["status"],
        output=tuple(map(item_from_json, shown["output"])),
        usage=usage and usage_from_json(usage),
        error=error and ResponseError(error["code"], error["message"]),
        incomplete_reason=incomplete and incomplete["reason"],
        completed_at=shown["completed_at"],
        service_tier=shown["service_tier"],
    )


def usage_from_json(shown: dict[str, Any]) -> Usage:
    """Return the usage that `usage_json` showed."""
    inputs, outputs = shown["input_tokens_details"], shown["output_tokens_details"]
    return Usage(
        shown["input_tokens"],
        shown["output_tokens"],
        inputs["cached_tokens"],
        inputs["cache_write_tokens"],
        outputs["reasoning_tokens"],
    )
