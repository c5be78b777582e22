"""The content parts that a caller may send under each role, and the domain's values of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.domain.items import (
    ContentPart,
    InputFile,
    InputImage,
    InputPart,
    InputText,
    OutputText,
    Refusal,
)
from app.schemas.document import Document
from app.schemas.field import ReadContext, Refer
from app.schemas.fields import Choice, FreeObjects, String
from app.schemas.invalid import InvalidField, join, listed, object_at, quoted, type_at
from app.schemas.nesting import Nested
from app.schemas.request.bounds import LONGEST_ID, LONGEST_TEXT, MOST_PARTS, SLICE
from app.schemas.request.prompt_cache import InputCacheBreakpointSchema

LONGEST_IMAGE = 20_971_520
LONGEST_FILE = 73_400_320
_LONGEST_URL = 20_971_520
_LONGEST_NAME = 1024
_WEB = ("https://", "http://")
_ANY_DETAIL = "auto"
_BREAKPOINT = InputCacheBreakpointSchema()


class PartSchema(Document):
    """A content part: an object whose kind is its `type`."""


class InputTextSchema(PartSchema):
    about = "Text from the caller; the type `text` is accepted for `input_text`."
    values = (InputText,)

    type = Choice("input_text", "text", required=True)
    text = String(required=True, longest=LONGEST_TEXT)
    prompt_cache_breakpoint = Nested(_BREAKPOINT)


class InputImageSchema(PartSchema):
    about = "An image: exactly one of `image_url` and `file_id`."
    values = (InputImage,)

    type = Choice("input_image", required=True)
    image_url = String(longest=LONGEST_IMAGE, about="An http(s) URL or a data URL.")
    file_id = String(
        shortest=1, longest=LONGEST_ID, about="The id of a file stored at the upstream."
    )
    detail = Choice("auto", "low", "high", "original", default="auto")
    prompt_cache_breakpoint = Nested(_BREAKPOINT)

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> InputImage:
        only_source(found, ("image_url", "file_id"), path)
        url = found.get("image_url")
        if url is not None and not _is_url(url, (*_WEB, "data:")):
            what = "must be an http(s) URL or a data URL, such as data:image/png;base64,…"
            raise InvalidField("invalid_value", join(path, "image_url"), what)
        image: InputImage = super().build(found, path, context)
        _note_detail(found, image, context)
        return image


class InputFileSchema(PartSchema):
    about = "A file: exactly one of `file_data`, `file_url` and `file_id`."
    values = (InputFile,)

    type = Choice("input_file", required=True)
    file_data = String(
        shortest=1, longest=LONGEST_FILE, about="The file, in plain Base64 or as a data URL."
    )
    file_url = String(longest=_LONGEST_URL, about="An http(s) URL.")
    file_id = String(
        shortest=1, longest=LONGEST_ID, about="The id of a file stored at the upstream."
    )
    filename = String(longest=_LONGEST_NAME)
    detail = Choice("auto", "low", "high")
    prompt_cache_breakpoint = Nested(_BREAKPOINT)

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> InputFile:
        only_source(found, ("file_data", "file_url", "file_id"), path)
        url = found.get("file_url")
        if url is not None and not _is_url(url, _WEB):
            what = "must be an http(s) URL: send the bytes themselves as file_data."
            raise InvalidField("invalid_value", join(path, "file_url"), what)
        file: InputFile = super().build(found, path, context)
        _note_detail(found, file, context)
        return file


def _note_detail(found: dict[str, Any], part: InputImage | InputFile, context: ReadContext) -> None:
    """Record that a part requests a level of detail, which not every upstream supports."""
    if found.get("detail", _ANY_DETAIL) != _ANY_DETAIL:
        context.detailed_parts.add(part.type)


class AssistantTextSchema(PartSchema):
    about = "Text from the model; with the role assistant, the input types are accepted for it."
    values = (OutputText,)

    type = Choice("output_text", "input_text", "text", required=True)
    text = String(required=True, longest=LONGEST_TEXT)
    annotations = FreeObjects()
    logprobs = FreeObjects()


class AssistantRefusalSchema(PartSchema):
    about = "The model's refusal text."
    values = (Refusal,)

    type = Choice("refusal", required=True)
    refusal = String(required=True, longest=LONGEST_TEXT)


_TEXT, _IMAGE, _FILE = InputTextSchema(), InputImageSchema(), InputFileSchema()
_ASSISTANT_TEXT, _REFUSAL = AssistantTextSchema(), AssistantRefusalSchema()
CALLER_PARTS: dict[str, PartSchema] = {
    "input_text": _TEXT,
    "input_image": _IMAGE,
    "input_file": _FILE,
    "text": _TEXT,
}
ASSISTANT_PARTS: dict[str, PartSchema] = {
    "output_text": _ASSISTANT_TEXT,
    "refusal": _REFUSAL,
    "input_text": _ASSISTANT_TEXT,
    "text": _ASSISTANT_TEXT,
}
_REMEDIES = {
    "input_audio": "audio is not taken here: send a transcript as input_text.",
    "image_url": 'is a part of another API: send {"type": "input_image", "image_url": "…"}.',
}


def read_parts(
    raws: list[Any], kinds: dict[str, PartSchema], path: str, context: ReadContext
) -> tuple[ContentPart, ...]:
    """Return the parts of an array at `path`; `kinds` are CALLER_PARTS or ASSISTANT_PARTS."""
    parts = []
    for index, raw in enumerate(raws):
        if index % SLICE == SLICE - 1:
            context.pause()
        at = f"{path}[{index}]"
        kind = type_at(object_at(raw, at), at)
        part = kinds.get(kind)
        if part is None:
            raise _misplaced(kind, kinds, at)
        parts.append(part.read(raw, at, context))
    return tuple(parts)


def read_caller_parts(raws: list[Any], path: str, context: ReadContext) -> tuple[InputPart, ...]:
    """Return parts that a caller may send under its own roles."""
    parts = read_parts(raws, CALLER_PARTS, path, context)
    return tuple(part for part in parts if isinstance(part, InputPart))


def parts_json_schema(parts: Iterable[PartSchema], refer: Refer) -> dict[str, Any]:
    """Return the JSON schema of an array of such parts."""
    alternatives = [refer(part) for part in dict.fromkeys(parts)]
    return {"type": "array", "maxItems": MOST_PARTS, "items": {"anyOf": alternatives}}


def only_source(found: dict[str, Any], sources: tuple[str, ...], path: str) -> None:
    """Refuse a part with no source of its bytes, or more than one."""
    given = [source for source in found if source in sources]
    if not given:
        what = f"is required: give one of {listed(sources)}."
        raise InvalidField("missing_required_parameter", join(path, sources[0]), what)
    if len(given) > 1:
        what = f"stands beside {given[0]}: give exactly one of {listed(sources)}."
        raise InvalidField("invalid_value", join(path, given[1]), what)


def _misplaced(kind: str, kinds: dict[str, PartSchema], path: str) -> InvalidField:
    remedy = _REMEDIES.get(kind)
    if remedy is not None:
        return InvalidField("unsupported_value", join(path, "type"), f"{quoted(kind)} {remedy}")
    what = f"must be {listed(tuple(kinds))} under this role, not {quoted(kind)}."
    return InvalidField("invalid_value", join(path, "type"), what)


def _is_url(text: str, schemes: tuple[str, ...]) -> bool:
    start = text[:8].lower()
    return any(start.startswith(scheme) and len(text) > len(scheme) for scheme in schemes)
