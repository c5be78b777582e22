"""Descriptions of keys that occur in many objects; a field's own `about` takes precedence."""

from __future__ import annotations

from app.schemas.field import StrictField
from app.schemas.fields import Choice

_ITEM_STATUS = "Whether it is whole; `incomplete` where it was cut short."
_BY_KEY = {
    # of every object
    "id": "Its id.",
    "object": "What kind of object this is.",
    "created_at": "When it was made, in Unix seconds.",
    "deleted": "true: it is gone.",
    "metadata": "Pairs of the caller's own.",
    # of events
    "sequence_number": "Counts the events of a response from 0, without gaps.",
    "output_index": "Which item of `output` it happens in, from 0.",
    "item_id": "The id of the item that it happens in.",
    "content_index": "Which part of the item's `content` it happens in, from 0.",
    "summary_index": "Which part of the item's `summary` it happens in, from 0.",
    "command_index": "Which command of the shell call it happens in, from 0.",
    "delta": "What has come since the last such event: add it to the end.",
    "part": "The part: empty when it begins, whole when it is done.",
    # of items
    "status": _ITEM_STATUS,
    "call_id": "What a call and its output have in common.",
    "role": "Whose message it is.",
    "content": "What it says: its parts, in their order.",
    "phase": "Whether it is said on the way (`commentary`) or is the answer itself.",
    "name": "What the tool is called.",
    "arguments": "The arguments of the call, as JSON in a text.",
    "input": "The text that the tool is called with.",
    "output": "What the call gave.",
    "summary": "A summary of what was thought, in parts.",
    "action": "What is to be run.",
    "operation": "What is to be done to which file.",
    "environment": "Where commands are run.",
    "execution": "Who runs the search.",
    # of content
    "text": "The text.",
    "refusal": "The model's words for declining.",
    "annotations": "What the text rests on, or points to.",
    "logprobs": "How likely each token of the text was; empty unless `include` asks for it.",
    "detail": "How closely it is to be looked at.",
    "file_id": "The id of a file that the upstream holds.",
    "filename": "What the file is called.",
    "container_id": "The id of a container at the upstream.",
    "start_index": "Where in the text the reference begins, in characters.",
    "end_index": "Where in the text the reference ends, in characters.",
    "index": "The place of the file, or of its mark in the text.",
    "token": "The token.",
    "logprob": "The natural logarithm of its probability.",
    "bytes": "Its bytes in UTF-8, which may end within a character.",
    "prompt_cache_breakpoint": "Marks the end of a beginning that is to be cached.",
    "ttl": "How long what is cached is to stay.",
    # of shells and patches
    "commands": "The commands, each a line for the shell.",
    "command": "The command.",
    "timeout_ms": "How long it may run, in milliseconds.",
    "max_output_length": "How many characters of output are wanted at most.",
    "env": "Environment variables of the command.",
    "working_directory": "The folder that it is run in.",
    "stdout": "What it wrote to its standard output.",
    "stderr": "What it wrote to its standard error.",
    "outcome": "How it ended.",
    "exit_code": "The exit code; 0 is success.",
    "path": "The path of the file or folder.",
    "diff": "The new file, each line with a `+` before it, or hunks of what changes.",
    # of tools
    "tools": "The tools.",
    "description": "What it is for, told to the model.",
    "parameters": "A JSON schema of the arguments.",
    "strict": "Whether what the model writes must match the schema.",
    "schema": "The JSON schema.",
    "format": "What form the text must have.",
    "syntax": "How the grammar is written.",
    "definition": "The grammar.",
    "skills": "Instructions in folders that the model may read.",
    "mode": "Whether one of the tools may be called (`auto`), must be (`required`) or must not.",
    # of settings of an answer
    "effort": "How much the model thinks.",
    "reasoning": "How much the model thinks from here on.",
    # of errors
    "message": "What is wrong and what to do, for people.",
    "code": "What is wrong, for programs.",
    "param": "The field at fault, or the path to it.",
    "error": "What went wrong; null where nothing did.",
    # of lists
    "data": "What is on this page.",
    "first_id": "The id of the first on this page.",
    "last_id": "The id of the last on this page: the next page's `after`.",
    "has_more": "Whether there is another page.",
    # of usage
    "input_tokens": "Tokens that were read, those from a cache among them.",
    "cached_tokens": "Tokens that were read from a cache.",
    "cache_write_tokens": "Tokens that were written to a cache.",
    "output_tokens": "Tokens that were written, those of reasoning among them.",
    "reasoning_tokens": "Tokens that were thought.",
    "total_tokens": "Tokens read and written.",
    # of webhooks
    "url": "The URL.",
    "event_types": "The types of events that are sent there.",
    "event_type": "The type of the event.",
}


def description(field: StrictField) -> str:
    """Return the common description of a field without its own; "" if there is none."""
    if isinstance(field, Choice) and field.key == "type":
        return "What kind of object this is." if len(field.values) > 1 else "The object's kind."
    return _BY_KEY.get(field.key, "")
