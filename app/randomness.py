"""Random bytes that nobody can guess. Code that needs some is passed this function."""

from __future__ import annotations

from os import urandom

#: Returns so many bytes of the operating system's, as `secrets` does with two calls more.
random_bytes = urandom
