"""Every event comes back from its JSON as it was."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.stream.deltas import Delta, Finished
from app.schemas.wire.event_lines import encode, frame
from app.schemas.wire.events import EVENT
from tests.domain.narrating import narrated, narrator
from tests.domain.strategies import deltas, endings


@given(st.lists(deltas, max_size=12), endings, st.sampled_from(["in_progress", "queued"]))
def test_every_event_survives_its_json(
    said: list[Delta], ending: Finished | None, status: str
) -> None:
    teller = narrator("queued" if status == "queued" else "in_progress")
    for event in narrated([*said, *([ending] if ending else [])], teller):
        assert EVENT.load(orjson.loads(encode(event))) == event


@given(st.lists(deltas, max_size=12), endings)
def test_the_templates_write_what_the_declarations_say(
    said: list[Delta], ending: Finished | None
) -> None:
    for event in narrated([*said, *([ending] if ending else [])]):
        assert orjson.loads(encode(event)) == orjson.loads(orjson.dumps(EVENT.dump(event)))


@given(st.lists(deltas, max_size=12), endings)
def test_a_frame_is_its_line_with_its_name(said: list[Delta], ending: Finished | None) -> None:
    for event in narrated([*said, *([ending] if ending else [])]):
        name = event.type.encode()
        assert frame(event) == b"event: %b\ndata: %b\n\n" % (name, encode(event))


@pytest.mark.parametrize(
    "shown",
    [
        {
            "type": "response.output_item.added",
            "sequence_number": 0,
            "output_index": 0,
            "item": {
                "type": "function_call_output",
                "id": "fco_1",
                "call_id": "c",
                "output": "",
                "status": "completed",
            },
        },
        {
            "type": "response.content_part.added",
            "sequence_number": 0,
            "output_index": 0,
            "item_id": "msg_1",
            "content_index": 0,
            "part": {"type": "input_text", "text": "a"},
        },
    ],
)
def test_input_is_no_output(shown: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="the type must be"):
        EVENT.load(shown)
