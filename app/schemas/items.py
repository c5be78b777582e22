"""Items and their parts as JSON, both ways, for values that are known to be valid."""

from __future__ import annotations

from typing import assert_never

from app.domain.items import (
    ContentPart,
    FunctionCall,
    FunctionCallOutput,
    InputFile,
    InputImage,
    InputItem,
    InputPart,
    InputText,
    Item,
    ItemReference,
    Json,
    Message,
    OutputText,
    Reasoning,
    Refusal,
)


def part_json(part: ContentPart) -> Json:
    """Return a content part as the wire shows it; sources that are not set are left out."""
    match part:
        case OutputText():
            return {
                "type": "output_text",
                "text": part.text,
                "annotations": list(part.annotations),
                "logprobs": list(part.logprobs),
            }
        case Refusal():
            return {"type": "refusal", "refusal": part.refusal}
        case InputText():
            return {"type": "input_text", "text": part.text}
        case InputImage():
            shown = {"type": "input_image", "detail": part.detail}
            if part.image_url is not None:
                shown["image_url"] = part.image_url
            if part.file_id is not None:
                shown["file_id"] = part.file_id
            return shown
        case InputFile():
            sources = {
                "file_data": part.file_data,
                "file_url": part.file_url,
                "file_id": part.file_id,
                "filename": part.filename,
                "detail": part.detail,
            }
            return {"type": "input_file"} | {
                name: value for name, value in sources.items() if value is not None
            }
        case _:
            assert_never(part)


def item_json(item: InputItem) -> Json:
    """Return an item as the wire shows it."""
    match item:
        case Message():
            shown: Json = {
                "id": item.id,
                "type": "message",
                "status": item.status,
                "role": item.role,
                "content": list(map(part_json, item.content)),
            }
            if item.phase is not None:
                shown["phase"] = item.phase
            return shown
        case FunctionCall():
            return {
                "id": item.id,
                "type": "function_call",
                "status": item.status,
                "call_id": item.call_id,
                "name": item.name,
                "arguments": item.arguments,
            }
        case FunctionCallOutput():
            output = item.output
            return {
                "id": item.id,
                "type": "function_call_output",
                "status": item.status,
                "call_id": item.call_id,
                "output": output if isinstance(output, str) else list(map(part_json, output)),
            }
        case Reasoning():
            return _reasoning_json(item)
        case ItemReference():
            return {"id": item.id, "type": "item_reference"}
        case _:
            assert_never(item)


def _reasoning_json(item: Reasoning) -> Json:
    shown: Json = {
        "id": item.id,
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": text} for text in item.summary],
    }
    if item.content:
        shown["content"] = [{"type": "reasoning_text", "text": text} for text in item.content]
    if item.encrypted_content is not None:
        shown["encrypted_content"] = item.encrypted_content
    return shown


def part_from_json(shown: Json) -> ContentPart:
    """Return the part that `part_json` showed."""
    match shown["type"]:
        case "input_text":
            return InputText(shown["text"])
        case "output_text":
            return OutputText(shown["text"], tuple(shown["annotations"]), tuple(shown["logprobs"]))
        case "refusal":
            return Refusal(shown["refusal"])
        case "input_image":
            return InputImage(shown.get("image_url"), shown.get("file_id"), shown["detail"])
        case "input_file":
            return _file_from_json(shown)
        case other:
            raise ValueError(f"no content part has the type {other!r}")


def _file_from_json(shown: Json) -> InputFile:
    return InputFile(
        shown.get("file_data"),
        shown.get("file_url"),
        shown.get("file_id"),
        shown.get("filename"),
        shown.get("detail"),
    )


def item_from_json(shown: Json) -> Item:
    """Return the item that `item_json` showed."""
    match shown["type"]:
        case "message":
            return Message(
                shown["id"],
                shown["role"],
                tuple(map(part_from_json, shown["content"])),
                shown["status"],
                shown.get("phase"),
            )
        case "function_call":
            return FunctionCall(
                shown["id"], shown["call_id"], shown["name"], shown["arguments"], shown["status"]
            )
        case "function_call_output":
            return FunctionCallOutput(
                shown["id"], shown["call_id"], _output_from_json(shown["output"]), shown["status"]
            )
        case "reasoning":
            return Reasoning(
                shown["id"],
                tuple(part["text"] for part in shown["summary"]),
                tuple(part["text"] for part in shown.get("content", ())),
                shown.get("encrypted_content"),
            )
        case other:
            raise ValueError(f"no item has the type {other!r}")


def _output_from_json(shown: str | list[Json]) -> str | tuple[InputPart, ...]:
    if isinstance(shown, str):
        return shown
    parts = [part_from_json(part) for part in shown]
    return tuple(part for part in parts if isinstance(part, InputText | InputImage | InputFile))
