"""The caller's options for the prompt cache: of a part, and of the whole request (U23)."""

from __future__ import annotations

from typing import Any

from app.domain.answer_options import CacheOptions
from app.domain.items import CacheBreakpoint
from app.schemas.document import Document
from app.schemas.field import ReadContext
from app.schemas.fields import Choice

_TTLS = ("5m", "30m", "1h", "12h")


class InputCacheBreakpointSchema(Document):
    about = "The end of a prompt prefix to cache; without `ttl`, the request's own applies."
    values = (CacheBreakpoint,)

    mode = Choice(
        "explicit", default="explicit", about="The cache mode: at the places that are marked."
    )
    ttl = Choice(*_TTLS)

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> CacheBreakpoint:
        context.has_cache_breakpoints = True
        made: CacheBreakpoint = super().build(found, path, context)
        return made


class InputCacheOptionsSchema(Document):
    about = (
        "How the prompt is cached: with `explicit` only at parts that have a "
        "`prompt_cache_breakpoint`, with `implicit` also where the gateway or the upstream "
        "finds it useful."
    )
    values = (CacheOptions,)

    mode = Choice("implicit", "explicit", default="implicit", about="The cache mode.")
    ttl = Choice(*_TTLS)
