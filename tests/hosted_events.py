"""What happens in the items of hosted tools, as OpenAI's API streams it; see tests/hosted_items.

The forms are those of openai (the vendor's client) 3.54, types/responses/*_event.py.
"""

from __future__ import annotations

from typing import Any

from tests.hosted_items import (
    CODE,
    COMPUTER,
    FILE_SEARCH,
    IMAGE,
    MCP_CALL,
    MCP_REQUEST,
    MCP_TOOLS,
    OPENED_PAGE,
    PICTURE,
    PROGRAM,
    PROGRAM_OUTPUT,
    TOOL_SEARCH,
    TOOLS_FOUND,
    WEB_SEARCH,
)

Json = dict[str, Any]


def _states(kind: str, *states: str) -> list[Json]:
    return [{"type": f"response.{kind}.{state}"} for state in states]


def _pieces(kind: str, key: str, text: str) -> list[Json]:
    half = len(text) // 2
    deltas: list[Json] = [
        {"type": f"response.{kind}.delta", "delta": piece} for piece in (text[:half], text[half:])
    ]
    return [*deltas, {"type": f"response.{kind}.done", key: text}]


_PARTIAL = {
    "type": "response.image_generation_call.partial_image",
    "partial_image_index": 0,
    "partial_image_b64": PICTURE[:500],
    "size": "1024x1024",
    "quality": "low",
    "background": "opaque",
    "output_format": "png",
}
_CI = "code_interpreter_call"
#: A kind of item, and of event, that nobody knows yet.
DREAM: Json = {"id": "dream_68ff", "type": "dream_call", "status": "completed", "of": ["sheep"]}
#: Each item that a server may make, and the events inside it, in order.
PLAYED: tuple[tuple[Json, list[Json]], ...] = (
    (MCP_TOOLS, _states("mcp_list_tools", "in_progress", "completed")),
    (WEB_SEARCH, _states("web_search_call", "in_progress", "searching", "completed")),
    (OPENED_PAGE, _states("web_search_call", "in_progress", "completed")),
    (FILE_SEARCH, _states("file_search_call", "in_progress", "searching", "completed")),
    (
        CODE,
        [
            *_states(_CI, "in_progress"),
            *_pieces(f"{_CI}_code", "code", CODE["code"]),  # type: ignore[arg-type]
            *_states(_CI, "interpreting", "completed"),
        ],
    ),
    (
        IMAGE,
        [
            *_states("image_generation_call", "in_progress", "generating"),
            _PARTIAL,
            *_states("image_generation_call", "completed"),
        ],
    ),
    (
        MCP_CALL,
        [
            *_states("mcp_call", "in_progress"),
            *_pieces("mcp_call_arguments", "arguments", MCP_CALL["arguments"]),  # type: ignore[arg-type]
            *_states("mcp_call", "completed"),
        ],
    ),
    (TOOL_SEARCH, []),
    (TOOLS_FOUND, []),
    (PROGRAM, []),
    (PROGRAM_OUTPUT, []),
    (DREAM, [{"type": "response.dream_call.deepening", "depth": 3}]),
    (MCP_REQUEST, []),
    (COMPUTER, []),
)
