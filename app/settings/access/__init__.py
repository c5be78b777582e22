"""Settings of callers that authenticate without an API key."""
