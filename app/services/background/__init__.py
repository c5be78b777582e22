"""Background responses: queued, worked on, followed, ended."""
