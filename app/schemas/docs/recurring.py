"""Descriptions of keys that occur in many objects; a field's own `about` takes precedence."""

from __future__ import annotations

from app.schemas.field import StrictField
from app.schemas.fields import Choice

_ITEM_STATUS = "The item's status; `incomplete` if it was cut short."
_BY_KEY = {
    # of every object
    "id": "The object's id.",
    "object": "The type of the object.",
    "created_at": "When the object was created, in Unix seconds.",
    "deleted": "Always true: the object is deleted.",
    "metadata": "Key-value pairs set by the caller.",
    # of events
    "sequence_number": "The number of the event within its response, counted from 0 without gaps.",
    "output_index": "Index in `output` of the item that the event belongs to, from 0.",
    "item_id": "The id of the item that the event belongs to.",
    "content_index": "Index of the part in the item's `content`, from 0.",
    "summary_index": "Index of the part in the item's `summary`, from 0.",
    "command_index": "Index of the command in the shell call, from 0.",
    "delta": "The text added since the previous event of this type; append it.",
    "part": "The part: empty when it is added, complete when it is done.",
    # of items
    "status": _ITEM_STATUS,
    "call_id": "The id that links a call and its output.",
    "role": "The role of the message's author.",
    "content": "The content parts, in order.",
    "phase": "Whether the message is intermediate (`commentary`) or the answer itself "
    "(`final_answer`).",
    "name": "The name of the tool.",
    "arguments": "The arguments of the call, as a JSON string.",
    "input": "The text that is passed to the tool.",
    "output": "The output of the call.",
    "summary": "A summary of the reasoning, in parts.",
    "action": "What to run.",
    "operation": "The operation, and the file that it applies to.",
    "environment": "Where the commands run.",
    "execution": "Who runs the search.",
    # of content
    "text": "The text.",
    "refusal": "The model's refusal text.",
    "annotations": "The sources that the text cites and the files that it refers to.",
    "logprobs": "Log probabilities of the text's tokens; empty unless `include` requests them.",
    "detail": "The level of detail at which the model sees it.",
    "file_id": "The id of a file stored at the upstream.",
    "filename": "The name of the file.",
    "container_id": "The id of a container at the upstream.",
    "start_index": "The start of the citation in the text, in characters.",
    "end_index": "The end of the citation in the text, in characters.",
    "index": "The index of the file, or the position of its marker in the text.",
    "token": "The token.",
    "logprob": "The natural logarithm of the token's probability.",
    "bytes": "The token's UTF-8 bytes, which may end in the middle of a character.",
    "prompt_cache_breakpoint": "Marks the end of a prompt prefix to cache.",
    "ttl": "How long the prefix is to stay in the cache.",
    # of shells and patches
    "commands": "The commands, one shell command line each.",
    "command": "The command.",
    "timeout_ms": "The timeout, in milliseconds.",
    "max_output_length": "The maximum number of characters of output to return.",
    "env": "Environment variables of the command.",
    "working_directory": "The working directory.",
    "stdout": "The standard output.",
    "stderr": "The standard error output.",
    "outcome": "How the command ended.",
    "exit_code": "The exit code; 0 is success.",
    "path": "The path of the file or folder.",
    "diff": "The content of a new file, each line prefixed with `+`, or the hunks of a change.",
    # of tools
    "tools": "The tools.",
    "description": "A description of its purpose, shown to the model.",
    "parameters": "A JSON schema of the arguments.",
    "strict": "Whether the model's output must match the schema.",
    "schema": "The JSON schema.",
    "format": "The format that the text must have.",
    "syntax": "The syntax of the grammar.",
    "definition": "The grammar.",
    "skills": "Skills: folders with instructions that the model may read.",
    "mode": "Whether the model may (`auto`), must (`required`) or must not (`none`) call one of "
    "the tools.",
    # of settings of an answer
    "effort": "The reasoning effort.",
    "reasoning": "The reasoning effort from here on.",
    # of errors
    "message": "A human-readable message: what is wrong and what to do about it.",
    "code": "A machine-readable error code.",
    "param": "The invalid field, or the path to it.",
    "error": "The error; null if there is none.",
    # of lists
    "data": "The entries of this page.",
    "first_id": "The id of the first entry of this page.",
    "last_id": "The id of the last entry of this page; send it as `after` to get the next page.",
    "has_more": "Whether there is another page.",
    # of usage
    "input_tokens": "Input tokens, including those read from a cache.",
    "cached_tokens": "Input tokens that were read from a cache.",
    "cache_write_tokens": "Input tokens that were written to a cache.",
    "output_tokens": "Output tokens, including reasoning tokens.",
    "reasoning_tokens": "Output tokens that were spent on reasoning.",
    "total_tokens": "Input and output tokens together.",
    # of webhooks
    "url": "The URL.",
    "event_types": "The types of events that are sent to the endpoint.",
    "event_type": "The type of the event.",
}


def description(field: StrictField) -> str:
    """Return the common description of a field without its own; "" if there is none."""
    if isinstance(field, Choice) and field.key == "type":
        return "The type of the object."
    return _BY_KEY.get(field.key, "")
