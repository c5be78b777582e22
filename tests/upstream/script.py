"""What one request is told to do: a JSON object that the request carries, or that was armed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

import orjson

Finish = Literal["stop", "length", "content_filter", "none"]
Cut = Literal["close", "reset", "end", "frame", "utf8"]
Garbage = Literal["frame", "head", "line"]


class BadScript(ValueError):
    """The script is not one; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A function call of the model. `id` "" is made up; `arguments` is sent as it stands.

    Responses has calls of custom tools, too, whose `arguments` are a text, and namespaces; `item`
    is sent in place of a call, whole: its `call_id` is set where it has none, but for one with an
    id of its own, which is sent as it is. `events` come inside it, each without its place.
    """

    name: str = ""
    arguments: str = "{}"
    id: str = ""
    type: Literal["function_call", "custom_tool_call"] = "function_call"
    namespace: str = ""
    item: dict[str, Any] | None = None
    events: tuple[dict[str, Any], ...] = ()

    @property
    def given(self) -> dict[str, Any]:
        """What is not as it is by default: a script has to be short enough for a model's name."""
        values = {each.name: (getattr(self, each.name), each.default) for each in fields(self)}
        return {name: value for name, (value, default) in values.items() if value != default}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """The token counts that the upstream tells."""

    input: int = 11
    output: int = 7
    cached: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail:
    """A status instead of an answer.

    `body` None is the format's own error object around `message`, `type` and `code`; a string is
    sent as it stands, anything else as JSON.
    """

    status: int
    message: str = "the upstream was told to fail"
    type: str = "told_to_fail"
    code: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What to say, when, and what goes wrong. Times are in seconds.

    An answer is counted in *pieces*: what one delta brings. A streamed answer is its head with the
    format's opening frames, the pieces, and a closing; a whole answer is its head and two halves of
    its body, which count as pieces.

    say: the text; a list says each piece, a string is told word by word; None: what was heard.
    events: say that many pieces instead.
    utf16: say the text a UTF-16 unit a piece, as servers do that escape it: pairs are cut.
    reasoning, refusal, calls: what comes before, instead of or after the text.
    finish: why the model stops; "none" never says so.
    usage: None keeps the counts to itself. server: a header of that name, where there is one.

    wait_s: before the head. interval_s: between pieces. drip: bytes a write, interval_s apart.
    stall_after: be silent after that many pieces, -1 before the head, until a release of `tag`.
    step: wait for a release before every piece and before the closing.

    fail: answer with a status. error_after: tell an error in the format's own form after that many
    pieces. cut_after: stop after that many pieces, -1 before the head, in the way `cut` says:
    close or reset the connection, end the body properly, or close within the next piece's frame,
    at half of it or inside a character.
    garbage: a frame that is not JSON after `garbage_after` pieces, a head that is not HTTP, or a
    line of `garbage_bytes` that does not end.
    """

    say: str | tuple[str, ...] | None = None
    events: int | None = None
    utf16: bool = False
    reasoning: str | None = None
    refusal: str | None = None
    calls: tuple[Call, ...] = ()
    finish: Finish = "stop"
    server: str = ""
    usage: Counted | None = Counted()

    tag: str = ""
    wait_s: float = 0
    interval_s: float = 0
    drip: int | None = None
    stall_after: int | None = None
    step: bool = False

    fail: Fail | None = None
    error_after: int | None = None
    error: Fail = Fail(status=500)
    cut_after: int | None = None
    cut: Cut = "close"
    garbage: Garbage | None = None
    garbage_after: int = 0
    garbage_bytes: int = 1 << 28

    def text(self) -> str:
        """Return the script as the JSON that a request carries."""
        found = {name: getattr(self, name) for name in _FIELDS}
        shown = {name: found[name] for name in _FIELDS if found[name] != getattr(DEFAULT, name)}
        if self.calls:
            shown["calls"] = [call.given for call in self.calls]
        return orjson.dumps(shown or {"tag": ""}).decode()


DEFAULT = Script()
_FIELDS = dict.fromkeys(field.name for field in fields(Script)).keys()


def read(text: str) -> Script | None:
    """Return the script that `text` is, or None for a text that is none.

    Raises:
        BadScript: it is one, with a field that no script has.
    """
    if not text.lstrip().startswith("{"):
        return None
    try:
        given = orjson.loads(text)
    except ValueError:
        return None
    if not given.keys() & _FIELDS:
        return None
    return _script(given)


def _script(given: dict[str, Any]) -> Script:
    values = dict(given)
    for name, made in (("error", Fail), ("fail", Fail), ("usage", Counted)):
        if values.get(name) is not None:
            values[name] = _made(made, values[name])
    values["calls"] = tuple(_made(Call, call) for call in values.get("calls", ()))
    if isinstance(values.get("say"), list):
        values["say"] = tuple(values["say"])
    script: Script = _made(Script, values)
    return script


def _made(kind: type[Any], values: dict[str, Any]) -> Any:
    if kind is Fail and isinstance(values.get("headers"), dict):
        values = values | {"headers": tuple(values["headers"].items())}
    try:
        return kind(**values)
    except TypeError as error:
        raise BadScript(str(error)) from None
