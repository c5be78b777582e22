"""In what detail a part is to be looked at, where a server cannot be told. Pure."""

from __future__ import annotations

from app.domain.items import InputFile, InputImage
from app.domain.request import ModelRequest

NAME = "input.detail"


def ignored_details(
    request: ModelRequest, *unheard: type[InputImage] | type[InputFile]
) -> list[str]:
    """Name it, where a part of one of these types says it."""
    wanting = request.detailed_parts
    return [NAME] if wanting and any(kind.type in wanting for kind in unheard) else []
