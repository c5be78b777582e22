"""What a probe sends where the least that the SDK's types allow would show nothing."""

from __future__ import annotations

from typing import Any

from tests import hosted_items
from tests.compat.sdk import TEXTS, Json

#: What stands for something that the gateway has to make first (probing.Made).
RESPONSE, CONVERSATION, STORED_ITEM = "$response", "$conversation", "$item"
REASONING, COMPACTION = "$reasoning", "$compaction"

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
STRICT = SCHEMA | {"additionalProperties": False}
FUNCTION: Json = {"type": "function", "name": "look_up", "parameters": SCHEMA}
OTHER: Json = {"type": "function", "name": "other", "parameters": SCHEMA}

_USER: Json = {"role": "user", "content": "Hi"}
#: A history that is to be compacted, where something says so.
_LONG: Json = {"role": "assistant", "content": "A long history. " * 600}
#: Parameters, and their keys, whose default the least value would be.
PARAMETERS: Json = {
    "background_options.completion_window": "2h",
    "context_management": [{"type": "compaction", "compact_threshold": 1_000}],
    "context_management.compact_threshold": 1_000,
    "context_management.type": "compaction",
    "conversation": CONVERSATION,
    "conversation.id": CONVERSATION,
    "include": ["reasoning.encrypted_content"],
    "input": "Something else",
    "max_output_tokens": 100,
    "moderation": {"model": "omni-moderation-latest"},
    "parallel_tool_calls": False,
    "previous_response_id": RESPONSE,
    "prompt": {"id": "pmpt_1"},
    "prompt_cache_options": {"mode": "explicit"},
    "prompt_cache_options.mode": "explicit",
    "prompt_cache_options.ttl": "12h",
    "prompt_cache_retention": "24h",
    "reasoning": {"effort": "low"},
    "reasoning.effort": "low",
    "reasoning.summary": "detailed",
    "service_tier": "flex",
    "store": False,
    "stream_options": {"include_obfuscation": True},
    "text": {"verbosity": "low"},
    "text.format.json_schema": {"type": "json_schema", "name": "n", "schema": STRICT},
    "text.verbosity": "low",
    "tool_choice": "required",
    "tools": [FUNCTION],
    "top_logprobs": 3,
    "access_programs": {"cyber": "standard"},
    "background_options": {"completion_window": "2h"},
    "image": {"context_compression": "enabled"},
}
#: What is changed by a value that would else be the default.
BEFORE: Json = {
    "context_management.type": {},
    "text.format.text": {"text": {"format": {"type": "json_object"}}},
}
#: What a parameter needs beside it.
BESIDE: Json = {
    "context_management": {"input": [_USER, _LONG, _USER]},
    "parallel_tool_calls": {"tools": [FUNCTION]},
    "stream_options": {"stream": True},
    "tool_choice": {"tools": [FUNCTION]},
}

_EXEC = {"type": "exec", "command": ["ls"], "env": {}}
_PATCH = {"type": "create_file", "path": "a", "diff": "+b"}
_GAVE = [{"stdout": "3\n", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}]
_CALL = {"call_id": "call_1", "status": "completed"}
_SEARCH = {"execution": "client", **_CALL}
#: Items of the input that the types' least would leave without sense, whole.
ITEMS: dict[str, Json] = {
    "additional_tools": {"role": "developer", "tools": [FUNCTION]},
    "apply_patch_call": {"operation": _PATCH, **_CALL},
    "apply_patch_call_output": {"output": "Done", **_CALL},
    "configuration_update": {"reasoning": {"effort": "low"}},
    "function_call": {"name": "look_up", "arguments": "{}", **_CALL},
    "function_call_output": {"output": "4", **_CALL},
    "custom_tool_call": {"name": "patch", "input": "a", "call_id": "call_1"},
    "custom_tool_call_output": {"output": "4", "call_id": "call_1"},
    "local_shell_call": {"action": _EXEC, **_CALL},
    "local_shell_call_output": {"output": "3", **_CALL},
    "message": {"role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]},
    "shell_call": {"action": {"commands": ["ls"]}, **_CALL},
    "shell_call_output": {"output": _GAVE, **_CALL},
    "tool_search_call": {"arguments": {"query": "a"}, **_SEARCH},
    "tool_search_output": {"tools": [FUNCTION | {"defer_loading": True}], **_SEARCH},
    **{each["type"]: each for each in hosted_items.ITEMS if "tool_search" not in each["type"]},
}
#: What is made by the gateway first, in the place of an item.
MADE_ITEMS = {"reasoning": REASONING, "compaction": COMPACTION}
#: Which output answers which call.
OUTPUTS = {
    "apply_patch_call": "apply_patch_call_output",
    "computer_call": "computer_call_output",
    "custom_tool_call": "custom_tool_call_output",
    "function_call": "function_call_output",
    "local_shell_call": "local_shell_call_output",
    "mcp_approval_request": "mcp_approval_response",
    "program": "program_output",
    "shell_call": "shell_call_output",
    "tool_search_call": "tool_search_output",
}

#: A part of each type that says something; and the keys by one of which it has its content.
PARTS: dict[str, Json] = {
    "input_file": {"file_data": TEXTS["file_data"], "filename": "a.pdf"},
    "input_image": {"image_url": TEXTS["image_url"]},
    "input_text": {"text": "Look"},
    "output_text": {"text": "Look"},
    "refusal": {"refusal": "No."},
}
#: What a key of a part says, where the least would be its default.
PART_VALUES = {"detail": "low"}
#: What a key of a part needs beside it: else the gateway may do the same by itself.
BESIDE_PARTS: Json = {
    "prompt_cache_breakpoint": {"prompt_cache_options": {"mode": "explicit"}},
}
SOURCES = ("file_data", "file_id", "file_url", "image_url")

#: Tools that the types' least would leave without sense.
TOOLS: dict[str, Json] = {
    "code_interpreter": {"container": {"type": "auto"}},
    "custom": {"name": "patch"},
    "function": {"name": "other", "parameters": SCHEMA, "strict": False},
    "mcp": {"server_label": "crm", "server_url": TEXTS["server_url"], "require_approval": "never"},
    "namespace": {"name": "crm", "description": "Customers", "tools": [FUNCTION]},
    "shell": {"environment": {"type": "local"}},
    "tool_search": {"execution": "client", "parameters": SCHEMA, "description": "Finds"},
}
CHOICES: dict[str, Any] = {
    "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "name": "look_up"}]},
    "custom": {"name": "patch"},
    "function": {"name": "look_up"},
    "mcp": {"server_label": "crm"},
}
