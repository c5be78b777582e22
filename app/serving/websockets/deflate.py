"""Compressed messages of callers (permessage-deflate, RFC 7692), inflated piece by piece.

wsproto's own extension inflates whatever was read at once, a thousand times of it, and takes a
message whose fragments have a ping between them for one that is not compressed. Here nothing is
kept between two messages, and what is sent is never compressed: for events of two hundred bytes a
compressor would have to keep their history, which takes more memory than the rest of a session.
"""

from __future__ import annotations

import re
import zlib
from typing import Any

from wsproto.extensions import Extension
from wsproto.frame_protocol import CloseReason, Opcode, RsvBits

#: How many compressed bytes may be inflated at once: they become a megabyte at most.
MOST_INFLATED_AT_ONCE = 1024
_RAW = -15  # without a header, and with the longest window, that a caller may use
_STARTS = frozenset({Opcode.TEXT, Opcode.BINARY})
#: What stands at the end of each message before it is sent, and is not sent (7.2.1).
_TAIL = b"\x00\x00\xff\xff"
#: What a message that ends with a final block has behind that (7.2.3.4).
_AFTER_END = b"\x00"
_WINDOW = re.compile(r"8|9|1[0-5]")
_WITHOUT_CONTEXT = ("server_no_context_takeover", "client_no_context_takeover")


class InboundDeflate(Extension):
    """Offered to every caller, once for each connection."""

    name = "permessage-deflate"

    def __init__(self) -> None:
        self._enabled = False
        #: Of the message that is coming, None where it is not compressed.
        self._inflator: Any = None
        self._is_data = False

    def enabled(self) -> bool:
        """Tell whether it was agreed on."""
        return self._enabled

    def offer(self) -> bool:
        """Offer nothing: that is for callers."""
        return False

    def accept(self, offer: str) -> str | None:
        """Return what is agreed on of a caller's offer, None where it is none that we can keep."""
        pairs = [each.strip().partition("=") for each in offer.split(";")[1:]]
        wanted = {name.strip(): value.strip().strip('"') for name, _, value in pairs}
        if self._enabled or len(wanted) < len(pairs):  # one is enough, and said once
            return None
        agreed = [*_WITHOUT_CONTEXT]
        for name, value in wanted.items():
            match name:
                case "server_max_window_bits" if _WINDOW.fullmatch(value):
                    agreed.append(f"{name}={value}")
                case "client_max_window_bits" if not value or _WINDOW.fullmatch(value):
                    pass
                case "server_no_context_takeover" | "client_no_context_takeover" if not value:
                    pass
                case _:
                    return None
        self._enabled = True
        return "; ".join(agreed)

    def frame_inbound_header(
        self, _proto: object, opcode: Opcode, rsv: RsvBits, _payload_length: int
    ) -> CloseReason | RsvBits:
        """Take a frame's head, twice where it comes in two pieces: the first frame's bit counts."""
        self._is_data = not opcode.iscontrol()
        if opcode in _STARTS:
            self._inflator = zlib.decompressobj(_RAW) if rsv.rsv1 else None
        elif rsv.rsv1:
            return CloseReason.PROTOCOL_ERROR
        return RsvBits(rsv1=True, rsv2=False, rsv3=False)

    def frame_inbound_payload_data(self, _proto: object, data: bytes) -> bytes | CloseReason:
        """Return what a piece of a frame is; it is no more than MOST_INFLATED_AT_ONCE."""
        if self._inflator is None or not self._is_data:
            return data
        try:
            inflated: bytes = self._inflator.decompress(data)
        except zlib.error:
            return CloseReason.INVALID_FRAME_PAYLOAD_DATA
        if self._inflator.unused_data not in (b"", _AFTER_END):
            return CloseReason.INVALID_FRAME_PAYLOAD_DATA
        return inflated

    def frame_inbound_complete(self, _proto: object, fin: bool) -> bytes | CloseReason | None:
        """Return what is left of a message at its end."""
        if self._inflator is None or not (fin and self._is_data):
            return None
        inflator, self._inflator = self._inflator, None
        try:
            return b"" if inflator.eof else inflator.decompress(_TAIL)
        except zlib.error:
            return CloseReason.INVALID_FRAME_PAYLOAD_DATA
