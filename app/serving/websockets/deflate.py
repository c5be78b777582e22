"""Compressed messages from clients (permessage-deflate, RFC 7692), inflated in small pieces.

wsproto's own extension inflates everything that was read at once, up to a thousand times its size,
and if a ping comes between its fragments, treats a message as uncompressed. Here no state is kept
between messages, and nothing sent is compressed: for events of two hundred bytes a compressor
would need their history, which takes more memory than the rest of a session.
"""

from __future__ import annotations

import re
import zlib
from typing import Any

from wsproto.extensions import Extension
from wsproto.frame_protocol import CloseReason, Opcode, RsvBits

#: Maximum number of compressed bytes inflated at once: they become a megabyte at most.
MOST_INFLATED_AT_ONCE = 1024
_RAW = -15  # no header, and the largest window that a client may use
_STARTS = frozenset({Opcode.TEXT, Opcode.BINARY})
#: The end of each compressed message, which is not sent (7.2.1).
_TAIL = b"\x00\x00\xff\xff"
#: What follows the final block of a message that has one (7.2.3.4).
_AFTER_END = b"\x00"
_WINDOW = re.compile(r"8|9|1[0-5]")
_WITHOUT_CONTEXT = ("server_no_context_takeover", "client_no_context_takeover")


class InboundDeflate(Extension):
    """The extension of one connection, accepted from every client that offers it."""

    name = "permessage-deflate"

    def __init__(self) -> None:
        self._enabled = False
        #: Of the current message; None if it is not compressed.
        self._inflator: Any = None
        self._is_data = False

    def enabled(self) -> bool:
        """Tell whether it was negotiated."""
        return self._enabled

    def offer(self) -> bool:
        """Offer nothing: only clients offer extensions."""
        return False

    def accept(self, offer: str) -> str | None:
        """Return the agreed parameters of a client's offer, None if it cannot be accepted."""
        pairs = [each.strip().partition("=") for each in offer.split(";")[1:]]
        wanted = {name.strip(): value.strip().strip('"') for name, _, value in pairs}
        if self._enabled or len(wanted) < len(pairs):  # one offer, without repeated names
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
        """Handle a frame's head, twice if it comes in two pieces; the first frame's RSV1 counts."""
        self._is_data = not opcode.iscontrol()
        if opcode in _STARTS:
            self._inflator = zlib.decompressobj(_RAW) if rsv.rsv1 else None
        elif rsv.rsv1:
            return CloseReason.PROTOCOL_ERROR
        return RsvBits(rsv1=True, rsv2=False, rsv3=False)

    def frame_inbound_payload_data(self, _proto: object, data: bytes) -> bytes | CloseReason:
        """Return `data`, at most MOST_INFLATED_AT_ONCE bytes of a frame's payload, inflated."""
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
        """Return the rest of a message at its end."""
        if self._inflator is None or not (fin and self._is_data):
            return None
        inflator, self._inflator = self._inflator, None
        try:
            return b"" if inflator.eof else inflator.decompress(_TAIL)
        except zlib.error:
            return CloseReason.INVALID_FRAME_PAYLOAD_DATA
