"""What stands for a turn that is missing, where a format wants one."""

from __future__ import annotations

#: Stands where a format wants a user's word and the conversation has none.
GO_ON = "Continue."
#: Stands where a format wants the assistant's word on the output of a call before another's.
HAS_READ = "I have read it."
