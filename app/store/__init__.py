"""State that outlives a request: the stores, in Redis and in the spool on disk."""
