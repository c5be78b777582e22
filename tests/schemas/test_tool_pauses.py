"""Reading tools lets other requests run."""

from __future__ import annotations

from app.schemas.field import ReadContext
from app.schemas.request.create import CREATE_REQUEST


def test_others_run_between_tools() -> None:
    pauses: list[None] = []
    tools = [{"type": "function", "name": f"f{index}", "parameters": {}} for index in range(3)]
    context = ReadContext(pause=lambda: pauses.append(None))
    CREATE_REQUEST.load({"model": "m", "input": "hi", "tools": tools}, context=context)
    assert len(pauses) == 3
