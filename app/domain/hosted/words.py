"""Describes a hosted tool's item in words, for models whose servers do not know such items (R24).

    {"type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "x"}}

becomes `[web_search_call] searched the web for "x"`. The text is short: results are cut, and
pictures are only mentioned.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from app.domain.hosted.item import HostedItem

#: Maximum number of characters of an item, and of one value in it.
LONGEST_WORDS = 8_000
LONGEST_VALUE = 2_000
_MOST_LISTED = 20
_ENDED = ("completed", None)

Json = Mapping[str, Any]


def words_of(item: HostedItem) -> str:
    """Return the item in words."""
    given, status = item.json, item.json.get("status")
    state = "" if status in _ENDED else f", {_text(status)}"
    lines = [f"[{item.type}{state}] {_WORDS.get(item.type, _anything)(given)}".rstrip()]
    if error := given.get("error"):
        lines.append(f"Error: {_text(error)}")
    return _cut("\n".join(lines), LONGEST_WORDS)


def _web_search(given: Json) -> str:
    action = _object(given.get("action"))
    match action.get("type"):
        case "open_page":
            return f"opened {_text(action.get('url'))}"
        case "find_in_page":
            return f"looked for {_quoted(action.get('pattern'))} in {_text(action.get('url'))}"
        case _:
            queries = _list(action.get("queries")) or [action.get("query")]
            sources = [_text(_object(each).get("url")) for each in _list(action.get("sources"))]
            words = f"searched the web for {_all(map(_quoted, queries))}"
            return words + (f"\nSources: {_all(sources)}" if sources else "")


def _file_search(given: Json) -> str:
    words = f"searched files for {_all(map(_quoted, _list(given.get('queries'))))}"
    found = [_object(each) for each in _list(given.get("results"))[:_MOST_LISTED]]
    return "\n".join(
        (words, *(f"{_text(each.get('filename'))}: {_text(each.get('text'))}" for each in found))
    )


def _code_interpreter(given: Json) -> str:
    lines = [f"ran this code:\n{_text(given.get('code'))}"]
    for each in map(_object, _list(given.get("outputs"))[:_MOST_LISTED]):
        is_text = each.get("type") == "logs"
        lines.append(f"Output: {_text(each.get('logs'))}" if is_text else "Output: an image")
    return "\n".join(lines)


def _image_generation(given: Json) -> str:
    prompt = given.get("revised_prompt")
    what = "made an image" if given.get("result") else "made no image"
    return what + (f" of {_quoted(prompt)}" if prompt else "")


def _mcp_tools(given: Json) -> str:
    names = [_text(_object(each).get("name")) for each in _list(given.get("tools"))]
    return f"the tools of the server {_text(given.get('server_label'))}: {_all(names)}"


def _mcp_call(given: Json) -> str:
    output = given.get("output")
    return f"called {_mcp_name(given)}" + (f"\nOutput: {_text(output)}" if output else "")


def _mcp_request(given: Json) -> str:
    return f"asked to be allowed to call {_mcp_name(given)}"


def _mcp_response(given: Json) -> str:
    answer = "allowed the call" if given.get("approve") else "refused the call"
    reason = given.get("reason")
    return answer + (f": {_text(reason)}" if reason else "")


def _mcp_name(given: Json) -> str:
    name = f"{_text(given.get('server_label'))}.{_text(given.get('name'))}"
    return f"{name} with {_text(given.get('arguments'))}"


def _computer(given: Json) -> str:
    actions = _list(given.get("actions")) or [given.get("action")]
    return f"used the computer: {_all(map(_text, actions))}"


def _computer_output(_given: Json) -> str:
    return "a screenshot of the computer, which is not shown here"


def _program(given: Json) -> str:
    return f"ran this program:\n{_text(given.get('code'))}"


def _program_output(given: Json) -> str:
    return f"the program gave: {_text(given.get('result'))}"


def _tool_search(given: Json) -> str:
    return f"searched for tools with {_text(given.get('arguments'))}"


def _tools_found(given: Json) -> str:
    names = [_text(_object(each).get("name")) for each in _list(given.get("tools"))]
    return f"found these tools: {_all(names)}" if names else "found no tools"


def _anything(given: Json) -> str:
    known = ("id", "type", "status", "error")
    return _text({key: value for key, value in given.items() if key not in known})


_WORDS: Mapping[str, Callable[[Json], str]] = {
    "web_search_call": _web_search,
    "file_search_call": _file_search,
    "code_interpreter_call": _code_interpreter,
    "image_generation_call": _image_generation,
    "mcp_list_tools": _mcp_tools,
    "mcp_call": _mcp_call,
    "mcp_approval_request": _mcp_request,
    "mcp_approval_response": _mcp_response,
    "computer_call": _computer,
    "computer_call_output": _computer_output,
    "program": _program,
    "program_output": _program_output,
    "tool_search_call": _tool_search,
    "tool_search_output": _tools_found,
}


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    """Return a value as text of limited length: JSON, unless it is text or None."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return _cut(text, LONGEST_VALUE)


def _quoted(value: object) -> str:
    return f'"{_text(value)}"'


def _all(texts: Iterable[str]) -> str:
    listed = list(texts)
    return ", ".join(listed[:_MOST_LISTED]) + (", …" if len(listed) > _MOST_LISTED else "")


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    return f"{text[:longest]} … ({len(text) - longest} more characters)"
