"""Background responses: queued, leased, their events, ended."""
