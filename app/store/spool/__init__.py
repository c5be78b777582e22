"""The spool: answers that Redis could not take, on this machine's disk until it does."""
