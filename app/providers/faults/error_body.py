"""Read the body of an upstream's error, in whatever shape it comes (U21). Pure.

Known shapes include OpenAI's `{"error": {"message", "type", "param", "code"}}`, Anthropic's
`{"type": "error", "error": {…}}`, Google's `[{"error": {"code", "message", "status", "details"}}]`,
vLLM's flat `{"object": "error", "message", "type", "code"}`, FastAPI's `{"detail": …}`, Mistral's
`{"message": {"detail": [{"msg"}]}}`, MiniMax's `{"base_resp": {"status_code", "status_msg"}}`,
OpenRouter's `{"error": {"metadata": {"raw"}}}`, TGI's `{"error": "…", "error_type": "…"}`,
AWS's `{"__type": "…", "message": "…"}` and `{"Message": "…"}`, `{"errors": [{"message"}]}`, a lone
text, plain text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.logs.redaction import redact
from app.providers.reading.json_text import loads
from app.providers.reading.sse import FrameSplitter

#: Maximum length of a message that is read, and of one that is passed on, in characters.
MAX_READ = 8000
MAX_MESSAGE = 2000
#: Maximum nesting depth of an error's message.
_MAX_DEPTH = 5

#: Fields for an error's message, best first.
_WORDS = (
    *("message", "Message", "msg", "detail", "error", "errors"),
    *("error_message", "status_msg", "title"),
)
#: Fields of answers and their pieces, in any format, that errors do not have.
_OF_ANSWERS = frozenset(
    {"choices", "usage", "delta", "content", "content_block", "output", "response", "item", "part"}
)
#: Codes that mean success.
_GOOD_CODES = frozenset({"", "0", "200", "ok", "success"})
#: MiniMax's error numbers -> HTTP statuses.
_MINIMAX = {
    **dict.fromkeys((1026, 1027, 1039, 2013), 400),
    **dict.fromkeys((1004, 2049), 401),
    1008: 402,
    **dict.fromkeys((1002, 1041), 429),
}


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """The contents of an error; missing texts are "", and `status` is an HTTP status.

    `wait_s` is the delay before a retry, in seconds (as in Google's RetryInfo).
    """

    message: str = ""
    type: str = ""
    code: str = ""
    param: str | None = None
    status: int | None = None
    excess_tokens: int | None = None
    wait_s: float | None = None


def read_body(body: bytes, secret: str | None) -> ErrorBody:
    """Return the error in a body; `secret` is redacted wherever it occurs."""
    body = _data_of(body)
    try:
        content = loads(body)
    except ValueError:
        text = body[: 4 * MAX_READ].decode("utf-8", "replace").strip()
        return ErrorBody() if is_html(text) else ErrorBody(_message(text, secret))
    return read_error(_error_in(content), secret)


def _data_of(body: bytes) -> bytes:
    """Return a body, or the data of its first event if it is a stream."""
    if not body.startswith((b"data:", b"event:")):
        return body
    splitter = FrameSplitter()
    frames = splitter.feed(body[:MAX_READ]) + splitter.end()
    return frames[0][1] if frames else body


def read_error(error: object, secret: str | None) -> ErrorBody:
    """Return the contents of an error itself, usually the value of a body's `error`."""
    if isinstance(error, list):
        error = error[0] if error else None
    if isinstance(error, str):
        return ErrorBody(_message(error, secret))
    if not isinstance(error, dict):
        return ErrorBody()
    if isinstance(inner := error.get("error"), dict):
        error = {**error, **inner}
    numbers = (_status(error.get(name)) for name in ("code", "status_code", "status"))
    status = next(filter(None, numbers), None)
    return ErrorBody(
        message=_message(_upstream_words(error) or _words(error), secret),
        type=_first(error, ("error_type", "type", "__type", "status"), secret),
        code=_code(error, secret),
        param=_first(error, ("param",), secret) or None,
        status=status,
        excess_tokens=_stated_excess(error),
        wait_s=_retry_delay_s(error),
    )


def _code(error: Mapping[str, Any], secret: str | None) -> str:
    """Return an error's code, "" if that is an HTTP status; Anthropic has it in `details`."""
    details = error.get("details")
    named = _first(details, ("error_code",), secret) if isinstance(details, dict) else ""
    return named or ("" if _status(error.get("code")) else _first(error, ("code",), secret))


def _first(error: Mapping[str, Any], names: tuple[str, ...], secret: str | None) -> str:
    """Return the first of these texts, "" if it contains a credential."""
    text = next(filter(None, (_text(error.get(name)) for name in names)), "")[:MAX_READ]
    return text if redact(text, secret) == text else ""


def is_html(text: str) -> bool:
    """Tell whether a text is a web page."""
    return _HTML.match(text) is not None


def failure_instead(answer: Mapping[str, Any]) -> object | None:
    """Return an error that came with status 200 in place of an answer or a piece of one.

    It is in a field, as in `failure_in`, or the object is itself the error: vLLM's
    `{"object": "error", …}`, FastAPI's `{"detail": …}`, `{"code": 401, "message": …}`.
    """
    if answer.get("error") or "base_resp" in answer:
        error = failure_in(answer)
        if error is not None:
            return error
    if not _OF_ANSWERS.isdisjoint(answer):
        return None
    if _says_failed(answer):
        return answer
    # With a type it may be about a hosted tool. Without one, a message is an error's if there is a
    # number or a code beside it.
    if answer.get("type"):
        return None
    if answer.get("success") is False or answer.get("detail") or answer.get("errors"):
        return answer
    if not any(_text(answer.get(name)) for name in ("message", "msg")):
        return None
    code = answer.get("code")
    has_code = isinstance(code, str) and code.casefold() not in _GOOD_CODES
    numbers = (answer.get(name) for name in ("code", "status_code", "status"))
    has_number = any(_status(number) for number in numbers)
    is_alone = answer.keys() <= {"type", "message", "msg"}
    return answer if has_code or has_number or is_alone else None


def _says_failed(answer: Mapping[str, Any]) -> bool:
    return "error" in (answer.get("object"), answer.get("type")) or bool(answer.get("__type"))


def failure_in(answer: Mapping[str, Any]) -> object | None:
    """Return the error in an answer of status 200, None if there is none.

    Most servers put it under `error`, MiniMax under `base_resp`; both may be present and empty.
    """
    error = answer.get("error")
    if isinstance(error, str) and error:
        return {**answer, "message": error}  # its type and code are next to it (TGI, xAI)
    if error and not (isinstance(error, dict) and not any(error.values())):
        return error  # type: ignore[no-any-return] # JSON
    base = answer.get("base_resp")
    if base is None:
        return None
    failed = isinstance(base, dict) and base.get("status_code") not in (None, 0, "0", "")
    return base if failed else None


def _error_in(content: object) -> object:
    """Return the error in a body, or else the body itself."""
    if isinstance(content, list):
        content = content[0] if content else None
    if not isinstance(content, dict):
        return content
    for name in ("error", "errors", "base_resp"):
        value = content.get(name)
        if isinstance(value, list) and value:
            value = value[0]
        if isinstance(value, dict) and value:
            return value
        if isinstance(value, str) and value:
            return {**content, "message": value}
    return content


def _words(value: object, depth: int = 0) -> str:
    """Return the first message in an error."""
    if isinstance(value, str):
        return value
    if depth == _MAX_DEPTH:
        return ""
    if isinstance(value, list):
        return _words(value[0], depth + 1) if value else ""
    if isinstance(value, dict):
        found = (_words(value[name], depth + 1) for name in _WORDS if value.get(name))
        return next(filter(None, found), "")
    return ""


def _upstream_words(error: Mapping[str, Any]) -> str:
    """Return the message of the server behind a relay (OpenRouter's `metadata.raw`)."""
    metadata = error.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    if isinstance(raw, str):
        try:
            return _words(loads(raw[:MAX_READ]))
        except ValueError:
            return raw
    return _words(raw)


def _status(number: object) -> int | None:
    if isinstance(number, str) and re.fullmatch("[0-9]{3,4}", number):
        number = int(number)
    if not isinstance(number, int):
        return None
    return number if 400 <= number < 600 else _MINIMAX.get(number)


def _stated_excess(error: Mapping[str, Any]) -> int | None:
    """Return by how many tokens the prompt is too long, from llama.cpp's counts; None without."""
    has, limit = error.get("n_prompt_tokens"), error.get("n_ctx")
    if isinstance(has, int) and isinstance(limit, int) and has > limit:
        return has - limit
    return None


def _retry_delay_s(error: Mapping[str, Any]) -> float | None:
    """Return the delay of a google.rpc.RetryInfo ("37s", "0.5s"), or that in the message.

    OpenAI writes "Please try again in 1m2.5s." (or "in 20ms"), Azure "retry after 6 seconds".
    """
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        delay = detail.get("retryDelay") if isinstance(detail, dict) else None
        if isinstance(delay, str) and (found := re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)s", delay)):
            return float(found[1])
    if found := _WAIT.search(own_words(_text(error.get("message"))[:MAX_READ])):
        hours, minutes, number, unit = found.groups(default="0")
        seconds = float(number) / 1000 if unit == "ms" else float(number)
        return int(hours) * 3600 + int(minutes) * 60 + seconds
    return None


def _message(text: str, secret: str | None) -> str:
    return redact(text[:MAX_READ], secret)[:MAX_MESSAGE]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def own_words(message: str) -> str:
    """Return a message without the text from its first quotation mark to its last one.

    Servers quote requests, such as field names in JSON schemas: what a caller writes must not be
    able to suspend a key, or to cause a delay.
    """
    opening = _OPENING.search(message)
    if opening is None:
        return message
    end = len(message)
    if end < MAX_MESSAGE:  # else the last mark may have been cut off
        for closing in _CLOSING.finditer(message, opening.end()):
            end = closing.end()
    return f"{message[: opening.start()]} {message[end:]}"


#: Quotation marks before a word, and after one; the apostrophe of "isn't" is neither.
_OPENING = re.compile(r"""(?<!\w)['"`\u201c\u2018]""")
_CLOSING = re.compile(r"""['"`\u201d\u2019](?!\w)""")
_WAIT = re.compile(
    r"\b(?:try again in|retry after) (?:(\d{1,4})h)?(?:(\d{1,4})m(?!s))?"
    r"(\d{1,6}(?:\.\d{1,9})?) ?(ms|s)(?:econds?)?\b"
)
_HTML = re.compile(r"\s*<(!doctype|html|head|body|\?xml)", re.IGNORECASE)
