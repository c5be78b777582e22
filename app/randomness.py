"""Bytes that nobody can guess. Whatever draws some is given this function by whoever makes it."""

from __future__ import annotations

from random import SystemRandom

#: Returns so many bytes of the operating system's. `secrets` draws the same, one call later.
random_bytes = SystemRandom().randbytes
