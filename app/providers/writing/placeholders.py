"""Texts for turns that a format requires and the conversation lacks."""

from __future__ import annotations

#: The user's message, where a format requires one.
GO_ON = "Continue."
#: The assistant's message between the output of a call and the next message, where required.
HAS_READ = "I have read it."
