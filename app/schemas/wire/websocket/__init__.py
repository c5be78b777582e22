"""The messages that only a WebSocket has."""
