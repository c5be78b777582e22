"""The codes of a stream's cuts, one for each event."""

from __future__ import annotations

from enum import IntEnum

#: A byte below this is an output_text.delta of that many characters.
FIRST_CODE = 0x80


class Code(IntEnum):
    """The kind of an event. A number in brackets follows it, seven bits a byte."""

    TEXT = FIRST_CODE  # [characters] [log probabilities]
    REFUSAL = 0x81  # [characters]
    SUMMARY = 0x82  # [characters]
    ARGUMENTS = 0x83  # [characters]
    INPUT = 0x84  # [characters]
    ANNOTATION = 0x85
    TEXT_PART_ADDED = 0x86
    REFUSAL_PART_ADDED = 0x87
    TEXT_DONE = 0x88
    REFUSAL_DONE = 0x89
    PART_DONE = 0x8A
    SUMMARY_PART_ADDED = 0x8B
    SUMMARY_TEXT_DONE = 0x8C
    SUMMARY_PART_DONE = 0x8D
    ARGUMENTS_DONE = 0x8E
    INPUT_DONE = 0x8F
    ITEM_ADDED = 0x90
    ITEM_DONE = 0x91
    ITEM_DONE_WITHOUT_PAYLOAD = 0x92
    STARTED = 0x93  # created, then in_progress
    ENDED = 0x94
    LINE = 0x95  # [bytes], then so many: the event as JSON
    TIER = 0x96  # [bytes], then so many: the service tier of the response as it began
    OUTLASTS = 0x97  # no event: the stream could go on without its caller
    COMMAND_ADDED = 0x98
    COMMAND = 0x99  # [characters]
    COMMAND_DONE = 0x9A
    DIFF = 0x9B  # [characters]
    DIFF_DONE = 0x9C
    REASONING = 0x9D  # [characters]
    REASONING_PART_ADDED = 0x9E
    REASONING_TEXT_DONE = 0x9F
    REASONING_PART_DONE = 0xA0


#: Codes of deltas, which are followed by their number of characters.
SIZED = frozenset(
    {*range(FIRST_CODE + 1, Code.ANNOTATION), Code.COMMAND, Code.DIFF, Code.REASONING}
)
