"""Write the parts of messages and outputs for an upstream that speaks Responses. Pure."""

from __future__ import annotations

from typing import Any, assert_never

from app.domain.items import (
    ContentPart,
    InputFile,
    InputImage,
    InputPart,
    InputText,
    OutputText,
    Refusal,
)
from app.errors import InvalidRequest
from app.providers.openai_responses.prompt_cache import cache_breakpoint
from app.providers.profiles import Profile
from app.providers.writing.attachments import named_data

Json = dict[str, Any]


def part_json(part: ContentPart, role: str, profile: Profile) -> Json:
    """Return a part of a message in this role.

    Raises:
        InvalidRequest: this server does not read parts of this kind.
    """
    match part:
        case InputText(prompt_cache_breakpoint=None) | OutputText():
            return _text(part.text, role)
        case InputText():
            return {"type": "input_text", "text": part.text} | _breakpoint(part, profile)
        case Refusal() if role == "assistant" and profile.refusals:
            return {"type": "refusal", "refusal": part.refusal}
        case Refusal():
            return _text(part.refusal, role)
        case InputImage():
            if not profile.images:
                raise _unread("images")
            where = {"image_url": part.image_url, "file_id": part.file_id}
            image = {"type": "input_image", "detail": part.detail} | _given(where)
            return image | _breakpoint(part, profile)
        case InputFile():
            if not profile.files:
                raise _unread("files")
            where = {
                "file_url": part.file_url,
                "file_id": part.file_id,
                "filename": part.filename,
                "detail": part.detail,
            }
            data = {} if part.file_data is None else named_data(part, part.file_data)
            return {"type": "input_file"} | _given(where) | data | _breakpoint(part, profile)
        case _:
            assert_never(part)


def _text(text: str, role: str) -> Json:
    if role == "assistant":  # Azure refuses it without annotations (BerriAI/litellm 35213)
        return {"type": "output_text", "text": text, "annotations": []}
    return {"type": "input_text", "text": text}


def _breakpoint(part: InputPart, profile: Profile) -> Json:
    given = part.prompt_cache_breakpoint
    if given is None or not profile.prompt_cache_options:
        return {}
    return {"prompt_cache_breakpoint": cache_breakpoint(given)}


def _given(fields: dict[str, str | None]) -> Json:
    return {name: value for name, value in fields.items() if value is not None}


def _unread(kind: str) -> InvalidRequest:
    return InvalidRequest(
        f"this model's provider reads no {kind}", param="input", code="unsupported_value"
    )
