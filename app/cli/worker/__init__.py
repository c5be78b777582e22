"""`worker`: the processes that run background responses."""
