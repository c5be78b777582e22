"""Images and files in a request: the form of a file's data, and what `detail` becomes. Pure."""

from __future__ import annotations

import mimetypes

from app.domain.items import InputFile, InputImage
from app.domain.request import ModelRequest

NAME = "input.detail"

_PDF = "application/pdf"
_PDF_IN_BASE64 = "JVBER"  # %PDF
_UNKNOWN = "application/octet-stream"


def ignored_details(
    request: ModelRequest, *unheard: type[InputImage] | type[InputFile]
) -> list[str]:
    """Return the parameter's name if a part of one of these types has a `detail`."""
    wanting = request.detailed_parts
    return [NAME] if wanting and any(kind.type in wanting for kind in unheard) else []


def named_data(file: InputFile, data: str) -> dict[str, str]:
    """Return a file's name and its data as a data URL.

    OpenAI refuses bare Base64 (community.openai.com 1377908), and data without a name
    (laravel/ai PR 324).
    """
    if is_data_url(data):
        end = max(data.find(","), 0)
        kind = data[len("data:") : end].partition(";")[0].strip().lower()
    else:
        kind = guessed_type(file.filename, data) or _UNKNOWN
        data = f"data:{kind};base64,{data}"
    return {"filename": file.filename or _name(kind), "file_data": data}


def is_data_url(text: str) -> bool:
    """Tell whether a text is a data URL, whose scheme may be in capitals."""
    return text[: len("data:")].lower() == "data:"


def guessed_type(filename: str | None, data: str) -> str:
    """Return the media type of bare Base64, from its beginning or its name; "" if unknown."""
    if data.startswith(_PDF_IN_BASE64):
        return _PDF
    return (mimetypes.guess_type(filename)[0] or "") if filename else ""


def _name(kind: str) -> str:
    """Return a name for a file that has none: servers tell a file's kind by its extension."""
    return "file" + (mimetypes.guess_extension(kind or "text/plain") or "")
