"""`worker`: the processes that work on background responses."""
