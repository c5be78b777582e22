"""Write the parts of a message, or of a call's output, for Chat Completions. Pure."""

from __future__ import annotations

from typing import Any, assert_never

from app.domain.items import ContentPart, InputFile, InputImage, InputText, OutputText, Refusal
from app.errors import InvalidRequest
from app.providers.profiles import Profile
from app.providers.writing.attachments import named_data

Json = dict[str, Any]


def written_part(part: ContentPart, profile: Profile) -> Json:
    """Return a part in the form of Chat Completions. Raises InvalidRequest if it has none."""
    match part:
        case InputText(text=text) | OutputText(text=text) | Refusal(refusal=text):
            return {"type": "text", "text": text}
        case InputImage():
            return {"type": "image_url", "image_url": _image(part, profile)}
        case InputFile():
            return {"type": "file", "file": _file(part, profile)}
        case _:
            assert_never(part)


def _image(image: InputImage, profile: Profile) -> Json:
    if not profile.images:
        raise unsupported("the model's server reads no images")
    if image.image_url is None:
        raise unsupported("the model's server takes images by URL or as data, not by file_id")
    field: Json = {"url": image.image_url}
    if image.detail != "auto":
        field["detail"] = "high" if image.detail == "original" else image.detail
    return field


def _file(file: InputFile, profile: Profile) -> Json:
    if not profile.files:
        raise unsupported("the model's server reads no files")
    if file.file_id is not None:
        return {"file_id": file.file_id}
    if file.file_data is None:
        raise unsupported("the model's server takes files as data, not by file_url")
    return named_data(file, file.file_data)


def unsupported(why: str) -> InvalidRequest:
    """Return the error for an input that cannot be sent to the model's server."""
    return InvalidRequest(f"Unsupported input: {why}.", param="input", code="unsupported_value")


def name_outputs(turn: list[Json]) -> None:
    """Add the function's name to each output of a turn's calls, as Google requires."""
    calls, *outputs = turn
    names = {call["id"]: call["function"]["name"] for call in calls["tool_calls"]}
    for output in outputs:
        output["name"] = names[output["tool_call_id"]]


def with_one_user(messages: list[Any]) -> list[Any]:
    """Join consecutive user messages into one: some servers refuse two in a row."""
    joined: list[Any] = []
    row: list[str | list[Json]] = []
    for message in messages:
        if type(message) is dict and message["role"] == "user":
            row.append(message["content"])
            continue
        if row:
            joined.append({"role": "user", "content": _in_one(row)})
            row = []
        joined.append(message)
    return [*joined, {"role": "user", "content": _in_one(row)}] if row else joined


def _in_one(contents: list[str | list[Json]]) -> str | list[Json]:
    texts = [content for content in contents if isinstance(content, str)]
    if len(texts) == len(contents):
        return "\n\n".join(texts)
    parts: list[Json] = []
    for content in contents:
        parts += [{"type": "text", "text": content}] if isinstance(content, str) else content
    return parts
