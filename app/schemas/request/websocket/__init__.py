"""The messages that callers send on a WebSocket."""
