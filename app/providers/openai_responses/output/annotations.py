"""Convert annotations to the API's form, whatever fields a server omits or adds (U20). Pure."""

from __future__ import annotations

from app.providers.reading.counts import whole_number
from app.providers.reading.events import Json
from app.providers.reading.understanding import ContentReader

#: The text fields of each kind, the first of which is required, and its integer fields.
_KINDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "url_citation": (("url", "title"), ("start_index", "end_index")),
    "file_citation": (("file_id", "filename"), ("index",)),
    "container_file_citation": (
        ("file_id", "container_id", "filename"),
        ("start_index", "end_index"),
    ),
    "file_path": (("file_id",), ("index",)),
}


def annotation(given: Json, reader: ContentReader, *, passes_unknown: bool) -> Json | None:
    """Return an annotation with all fields of its kind; None if it does not cite anything.

    `passes_unknown` says that unknown kinds and fields are passed on. The form of Chat, with the
    fields in a nested object, is read as well.
    """
    kind = given.get("type")
    if not isinstance(kind, str) or not kind:
        kind = "url_citation" if "url" in given else ""
    if (known := _KINDS.get(kind)) is None:
        if passes_unknown and kind:
            return given
        reader.note("annotation")
        return None
    nested = given.get(kind)
    fields = nested if isinstance(nested, dict) else given
    texts, places = known
    if not reader.string(fields, texts[0]):
        reader.note("annotation")
        return None
    return {
        **(fields if passes_unknown else {}),
        "type": kind,
        **{name: reader.string(fields, name) for name in texts},
        **{name: whole_number(fields.get(name)) or 0 for name in places},
    }
