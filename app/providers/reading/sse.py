"""Split text/event-stream bytes into frames, wherever reads cut them. Pure.

Two reads that cut a frame in the middle of a word:

    b"event: ping\\ndata: {}\\n\\nda", b"ta: [DONE]\\n\\n"  ->  ("ping", b"{}"), ("", b"[DONE]")
"""

from __future__ import annotations

from typing import Literal

from app.errors import AnswerTooLong
from app.providers.reading.json_text import Misread, loads

#: Maximum size of a frame, in bytes: some servers send a whole answer in one event.
MAX_FRAME = 16 * 1024 * 1024

#: Maximum size of a block that is split at its lines, in bytes: some servers omit blank lines.
MOST_UNPARTED = 1024 * 1024

#: The event's name, "" where the server gives none, and its data.
Frame = tuple[str, bytes]

#: The data of the last frame.
DONE = b"[DONE]"
#: Names of events that only keep the connection alive.
_IDLE = frozenset({"ping", "heartbeat", "keepalive", "keep-alive"})

_BOM = b"\xef\xbb\xbf"


class FrameSplitter:
    """Takes the bytes of each read and returns the frames that they complete.

    Lines may end in LF, CRLF or CR. Comments, other fields and frames without data are skipped.
    Several data lines are joined by LF, unless each is complete by itself, as some servers leave
    out the blank lines between frames. A bare line of JSON counts as data: some servers report
    errors in a stream this way. `is_between` is true if the next bytes begin a new frame: a
    complete frame then need not be fed.
    """

    __slots__ = ("_begun", "_ends_line", "_partial", "_partial_size", "_skip_lf", "is_between")

    def __init__(self) -> None:
        self.is_between = False
        self._partial: list[bytes] = []
        self._partial_size = 0
        self._begun = False
        self._ends_line = False  # whether the partial frame ends with a line end
        self._skip_lf = False

    def feed(self, chunk: bytes) -> list[Frame]:
        """Return the frames that `chunk` completes.

        Raises:
            AnswerTooLong: a frame is longer than MAX_FRAME.
        """
        if not chunk:
            return []
        if b"\r" in chunk or self._skip_lf:
            chunk = self._with_lf(chunk)
        if b"\n\n" not in chunk and not self._ends_frame(chunk):
            self._keep(chunk)
            self.is_between = False
            return []
        self._ends_line = False
        if self._partial:
            self._partial.append(chunk)
            chunk = b"".join(self._partial)
            self._partial, self._partial_size = [], 0
        if not self._begun:
            self._begun = True
            chunk = chunk.removeprefix(_BOM)
        blocks = chunk.split(b"\n\n")
        if rest := blocks.pop():
            self._keep(rest)
        self.is_between = not rest and not self._skip_lf
        frames = []
        for block in filter(None, blocks):
            # MEASURED: most frames are one data line, or an event line and one data line; looking
            # at each line takes three times as long.
            event, _, data = block.rpartition(b"\n")
            if not data.startswith(b"data: ") or (event and not _is_event_line(event)):
                frames += _parse(block)
            else:
                name = event[7:].decode("utf-8", "replace") if event else ""
                frames.append((name, data[6:]))
        return frames

    def end(self) -> list[Frame]:
        """Return the last frame of a stream that ended without a blank line.

        Its last line may also lack its line end: it counts if its data is complete.
        """
        rest = b"".join(self._partial).removeprefix(b"" if self._begun else _BOM)
        if rest.endswith(b"\n") or _is_whole(rest.rpartition(b"\n")[2]) or _is_json(rest):
            return _parse(rest)
        return []

    def _ends_frame(self, chunk: bytes) -> bool:
        """Tell whether the start of a chunk without a blank line ends the partial frame.

        The pieces of a frame are joined only when it ends, so that n pieces are joined once.
        """
        return self._ends_line and chunk.startswith(b"\n")

    def _keep(self, piece: bytes) -> None:
        if not piece:
            return
        self._partial.append(piece)
        self._ends_line = piece.endswith(b"\n")
        self._partial_size += len(piece)
        if self._partial_size > MAX_FRAME:
            raise AnswerTooLong("an event that does not end")

    def _with_lf(self, chunk: bytes) -> bytes:
        """Make every line end in LF; the LF after a final CR may come in the next chunk."""
        if self._skip_lf:
            chunk = chunk.removeprefix(b"\n")
        self._skip_lf = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _is_event_line(line: bytes) -> bool:
    return line.startswith(b"event: ") and b"\n" not in line


def odd_frame(event: str, data: bytes) -> Literal["end", "idle", "error"] | None:
    """Classify a frame whose data is not a JSON object; None if it cannot be understood."""
    if data.strip(b' \t\r\n"').upper() == DONE:
        return "end"
    if event in _IDLE:
        return "idle"
    return "error" if event == "error" else None


def _parse(block: bytes) -> list[Frame]:
    """Return the frame in a block, or several if each of its data lines is one by itself."""
    if b"data" not in block and b"{" not in block:
        return []
    if _is_json(block):
        return [("", block)]
    event, frames = b"", list[tuple[bytes, bytes]]()
    for line in block.split(b"\n"):
        name, _, value = line.partition(b":")
        if name == b"data":
            frames.append((event, value.removeprefix(b" ")))
        elif name == b"event":
            event = value.removeprefix(b" ")
        elif _may_be_whole(line):
            frames.append((event, line))
    is_parted = len(block) <= MOST_UNPARTED and all(_may_be_whole(data) for _, data in frames)
    if len(frames) > 1 and not is_parted:
        frames = [(event, b"\n".join(data for _, data in frames))]
    elif len(frames) == 1:
        frames = [(event, frames[0][1])]  # the event line may come after the data line
    return [(event.decode("utf-8", "replace"), data) for event, data in frames]


def _may_be_whole(data: bytes) -> bool:
    return (data.startswith(b"{") and data.rstrip().endswith(b"}")) or data == DONE


def _is_whole(line: bytes) -> bool:
    """Tell whether a line is a complete data line, except for its line end."""
    data = line.removeprefix(b"data:").strip()
    return data == DONE or _is_json(data)


def _is_json(data: bytes) -> bool:
    """Tell whether this is one JSON object, on one or several lines."""
    if not data.startswith(b"{") or not _may_be_whole(data):
        return False
    try:
        return loads(data) is not None
    except Misread:
        return False
