"""What hosted tools did, in the forms in which OpenAI's API answers them."""

from __future__ import annotations

from typing import Any

PICTURE = "iVBORw0KGgo" * 2_000

WEB_SEARCH = {
    "id": "ws_68f1",
    "type": "web_search_call",
    "status": "completed",
    "action": {
        "type": "search",
        "query": "weather in Oslo",
        "queries": ["weather in Oslo"],
        "sources": [{"type": "url", "url": "https://weather.example/oslo"}],
    },
}
OPENED_PAGE = {
    "id": "ws_68f2",
    "type": "web_search_call",
    "status": "completed",
    "action": {"type": "open_page", "url": "https://weather.example/oslo"},
}
FILE_SEARCH = {
    "id": "fs_68f3",
    "type": "file_search_call",
    "status": "completed",
    "queries": ["terms of delivery"],
    "results": [
        {
            "file_id": "file-1",
            "filename": "terms.pdf",
            "score": 0.93,
            "text": "Goods leave within two days.",
            "attributes": {},
        }
    ],
}
CODE = {
    "id": "ci_68f4",
    "type": "code_interpreter_call",
    "status": "completed",
    "code": "print(6 * 7)",
    "container_id": "cntr_1",
    "outputs": [
        {"type": "logs", "logs": "42\n"},
        {"type": "image", "url": "data:image/png;base64," + PICTURE},
    ],
}
IMAGE = {
    "id": "ig_68f5",
    "type": "image_generation_call",
    "status": "completed",
    "result": PICTURE,
    "revised_prompt": "A lighthouse at dusk",
    "output_format": "png",
    "size": "1024x1024",
}
MCP_TOOLS = {
    "id": "mcpl_68f6",
    "type": "mcp_list_tools",
    "server_label": "crm",
    "tools": [{"name": "find_customer", "input_schema": {"type": "object"}, "annotations": None}],
}
MCP_REQUEST = {
    "id": "mcpr_68f7",
    "type": "mcp_approval_request",
    "server_label": "crm",
    "name": "find_customer",
    "arguments": '{"name":"Ada"}',
}
MCP_RESPONSE = {
    "id": "mcpa_68f8",
    "type": "mcp_approval_response",
    "approval_request_id": "mcpr_68f7",
    "approve": True,
    "reason": None,
}
MCP_CALL = {
    "id": "mcp_68f9",
    "type": "mcp_call",
    "status": "completed",
    "approval_request_id": "mcpr_68f7",
    "server_label": "crm",
    "name": "find_customer",
    "arguments": '{"name":"Ada"}',
    "output": '{"id": 7}',
    "error": None,
}
COMPUTER = {
    "id": "cu_68fa",
    "type": "computer_call",
    "call_id": "call_cu",
    "status": "completed",
    "pending_safety_checks": [],
    "action": {"type": "click", "button": "left", "x": 12, "y": 40},
}
SCREENSHOT = {
    "id": "cuo_68fb",
    "type": "computer_call_output",
    "call_id": "call_cu",
    "output": {
        "type": "computer_screenshot",
        "image_url": "data:image/png;base64," + PICTURE,
    },
}
PROGRAM = {
    "id": "prog_68fc",
    "type": "program",
    "call_id": "call_p",
    "code": "return await tools.look_up()",
    "fingerprint": "f1",
}
PROGRAM_OUTPUT = {
    "id": "po_68fd",
    "type": "program_output",
    "call_id": "call_p",
    "status": "completed",
    "result": "done",
}

TOOL_SEARCH = {
    "id": "tsc_68fd",
    "type": "tool_search_call",
    "call_id": None,
    "execution": "server",
    "status": "completed",
    "arguments": {"paths": ["crm"]},
}
TOOLS_FOUND = {
    "id": "tso_68fd",
    "type": "tool_search_output",
    "call_id": None,
    "execution": "server",
    "status": "completed",
    "tools": [{"type": "namespace", "name": "crm", "description": "Customers.", "tools": []}],
}

ITEMS: tuple[dict[str, Any], ...] = (
    WEB_SEARCH,
    OPENED_PAGE,
    FILE_SEARCH,
    CODE,
    IMAGE,
    MCP_TOOLS,
    MCP_REQUEST,
    MCP_RESPONSE,
    MCP_CALL,
    COMPUTER,
    SCREENSHOT,
    PROGRAM,
    PROGRAM_OUTPUT,
    TOOL_SEARCH,
    TOOLS_FOUND,
)
#: What a model has to be able to read of them.
WORDS = (
    'searched the web for "weather in Oslo"',
    "opened https://weather.example/oslo",
    "terms.pdf: Goods leave within two days.",
    "print(6 * 7)",
    "Output: 42",
    'made an image of "A lighthouse at dusk"',
    "the tools of the server crm: find_customer",
    'asked to be allowed to call crm.find_customer with {"name":"Ada"}',
    "allowed the call",
    'Output: {"id": 7}',
    'used the computer: {"type": "click", "button": "left", "x": 12, "y": 40}',
    "a screenshot of the computer, which is not shown here",
    "return await tools.look_up()",
    "the program gave: done",
    'searched for tools with {"paths": ["crm"]}',
    "found these tools: crm",
)
