"""Write content parts as blocks. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any, NamedTuple, assert_never
from urllib.parse import unquote_to_bytes

from app.domain.items import (
    ContentPart,
    FunctionCallOutput,
    InputFile,
    InputImage,
    InputText,
    Item,
    Message,
    OutputText,
    Refusal,
)
from app.errors import InvalidRequest
from app.providers.anthropic.cache_marks import MARK
from app.providers.writing.attachments import guessed_type, is_data_url

IMAGE_TYPES = {"image/jpeg", "image/png", "image/gif", "image/webp"}

#: Parts that have no breakpoints.
_OF_MODELS = (OutputText, Refusal)
_PDF, _TEXT = "application/pdf", "text/plain"
#: Characters of percent-encoded text that are decoded at once.
_PIECE = 16 * 1024


class _Data(NamedTuple):
    media_type: str
    base64: str


def text_block(text: str) -> dict[str, Any]:
    """Return a block of text."""
    return {"type": "text", "text": text}


def blocks(parts: tuple[ContentPart, ...]) -> list[dict[str, Any]]:
    """Return the parts as blocks, except blank ones, which the format refuses.

    A cache breakpoint becomes its block's mark for now, or that of the block before a blank one.

    Raises:
        InvalidRequest: a part has no equivalent in this format.
    """
    made: list[dict[str, Any]] = []
    for part in parts:
        block = _block(part)
        if block["type"] != "text" or block["text"].strip():
            made.append(block)
        if not isinstance(part, _OF_MODELS) and part.prompt_cache_breakpoint and made:
            made[-1][MARK] = part.prompt_cache_breakpoint
    return made


def check_readable(items: Iterable[Item], *, images: bool, files: bool) -> None:
    """Check that the server can read the images and files in the items.

    Raises:
        InvalidRequest: it cannot.
    """
    if images and files:
        return
    for item in items:
        given = item.content if isinstance(item, Message) else None
        if isinstance(item, FunctionCallOutput) and not isinstance(item.content, str):
            given = item.content
        for part in given or ():
            if isinstance(part, InputImage) and not images:
                raise _refused("this model's provider reads no images")
            if isinstance(part, InputFile) and not files:
                raise _refused("this model's provider reads no files")


def _block(part: ContentPart) -> dict[str, Any]:
    match part:
        case InputText() | OutputText():
            return text_block(part.text)
        case Refusal():
            return text_block(part.refusal)
        case InputImage():
            return {"type": "image", "source": _image_source(part)}
        case InputFile():
            block = {"type": "document", "source": _file_source(part)}
            return block | ({"title": part.filename} if part.filename else {})
        case _:
            assert_never(part)


def _image_source(part: InputImage) -> dict[str, Any]:
    url = part.image_url
    if url is None:
        raise _refused("this model takes no image by file_id: send it as image_url")
    if not is_data_url(url):
        return {"type": "url", "url": url}
    data = _data(url)
    media_type = "image/jpeg" if data.media_type == "image/jpg" else data.media_type
    if media_type not in IMAGE_TYPES:
        raise _refused("this model reads images in JPEG, PNG, GIF and WebP only")
    return {"type": "base64", "media_type": media_type, "data": data.base64}


def _file_source(part: InputFile) -> dict[str, Any]:
    if part.file_url is not None:
        return {"type": "url", "url": part.file_url}
    if part.file_data is None:
        raise _refused("this model takes no file by file_id: send it as file_data or file_url")
    data = _data(part.file_data)
    kind = data.media_type or guessed_type(part.filename, data.base64)
    if kind == _PDF:
        return {"type": "base64", "media_type": _PDF, "data": data.base64}
    return {"type": "text", "media_type": _TEXT, "data": _text_in(data.base64, kind)}


def _data(given: str) -> _Data:
    """Split a data URL; anything else is taken for bare base64 of an unknown type."""
    if not is_data_url(given):
        return _Data("", given)
    # MEASURED: removeprefix and partition copy a picture twice, 1 ms for 8 MB.
    comma = given.find(",")
    end = comma if comma >= 0 else len(given)
    media_type, _, parameters = given[len("data:") : end].partition(";")
    content = given[end + 1 :]
    if ";base64;" not in f";{parameters};":
        content = base64.b64encode(_unquoted(content)).decode()
    return _Data(media_type.strip().lower() or _TEXT, content)


def _unquoted(text: str) -> bytes:
    """Return a percent-encoded text decoded.

    MEASURED: `unquote_to_bytes` takes up to 76 bytes of memory per character, so that a body of
    28 MiB would take 2 GB: it is called for a piece at a time, without cutting an escape.
    """
    unquoted, at = bytearray(), 0
    while at < len(text):
        end = at + _PIECE
        cut = text.rfind("%", end - 2, end)
        end = cut if cut >= 0 else end
        unquoted += unquote_to_bytes(text[at:end])
        at = end
    return bytes(unquoted)


def _text_in(content: str, kind: str) -> str:
    """Return the text of a file that is no PDF: Markdown, CSV and code are plain text, too."""
    try:
        text = base64.b64decode(content).decode()
    except ValueError:  # also of characters outside ASCII
        text = "\0"
    if "\0" not in text:
        return text
    if kind == _TEXT:
        raise _refused("the file's data is not base64 of text in UTF-8")
    raise _refused("this model reads files in PDF and plain text only")


def _refused(message: str) -> InvalidRequest:
    return InvalidRequest(message, param="input", code="unsupported_value")
