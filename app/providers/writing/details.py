"""Report `detail` of images and files to servers that do not support it. Pure."""

from __future__ import annotations

from app.domain.items import InputFile, InputImage
from app.domain.request import ModelRequest

NAME = "input.detail"


def ignored_details(
    request: ModelRequest, *unheard: type[InputImage] | type[InputFile]
) -> list[str]:
    """Return the parameter's name if a part of one of these types has a `detail`."""
    wanting = request.detailed_parts
    return [NAME] if wanting and any(kind.type in wanting for kind in unheard) else []
