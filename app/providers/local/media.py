"""Describe a picture or a file without interpreting its content. Pure."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import urlsplit

from app.domain.items import InputFile, InputImage

_LONGEST_TEXT = 200
_PNG = b"\x89PNG\r\n\x1a\n"
_KINDS = ((_PNG, "PNG"), (b"GIF8", "GIF"), (b"\xff\xd8\xff", "JPEG"), (b"%PDF", "PDF"))


def described(part: InputImage | InputFile) -> str:
    """Return a part's kind and size, a PNG's dimensions, and the beginning of a text file."""
    if isinstance(part, InputImage):
        return f"[{_image(part)}]"
    name = f" {part.filename}" if part.filename else ""
    if part.file_data is None:
        return f"[file{name} at {_host(part.file_url)}]"
    data = _decoded(part.file_data)
    return f"[file{name}, {_kind(data)}{len(data)} bytes{_beginning(data)}]"


def _image(part: InputImage) -> str:
    if part.image_url is None or not part.image_url.startswith("data:"):
        return f"image at {_host(part.image_url)}"
    data = _decoded(part.image_url)
    return f"image, {_kind(data)}{_measures(data)}{len(data)} bytes"


def _decoded(text: str) -> bytes:
    """Decode base64, bare or in a data URL; return b"" if it is malformed."""
    try:
        return base64.b64decode(text.partition(",")[2] if text.startswith("data:") else text)
    except (binascii.Error, ValueError):
        return b""


def _kind(data: bytes) -> str:
    return next((f"{name}, " for head, name in _KINDS if data.startswith(head)), "")


def _measures(data: bytes) -> str:
    """Return the width and height of a PNG, from its first chunk."""
    if not data.startswith(_PNG) or len(data) < 24:
        return ""
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    return f"{width} x {height} pixels, "


def _beginning(data: bytes) -> str:
    """Return the beginning of a text file, "" for any other."""
    try:
        text = data.decode().strip()
    except UnicodeDecodeError:
        return ""
    return f": {text[:_LONGEST_TEXT]}" if text.isprintable() or "\n" in text else ""


def _host(url: str | None) -> str:
    """Return a URL's host; nothing is fetched."""
    return (urlsplit(url).hostname if url else None) or "its file_id"
