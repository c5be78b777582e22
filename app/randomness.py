"""Bytes that nobody can guess. Whatever draws some is given this function by whoever makes it."""

from __future__ import annotations

from os import urandom

#: Returns so many bytes of the operating system's. `secrets` draws the same, two calls later.
random_bytes = urandom
