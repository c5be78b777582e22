"""`pytest tests/fuzz --hypothesis-profile=fuzz` looks far longer than an ordinary run."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("fuzz", max_examples=20_000, deadline=None)
