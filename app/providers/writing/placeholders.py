"""What is said in place of somebody who said nothing, where a format wants to hear from them."""

from __future__ import annotations

#: Stands where a format wants a user's word and the conversation has none.
GO_ON = "Continue."
