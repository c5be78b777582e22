"""What only a WebSocket has."""
