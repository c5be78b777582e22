"""What comes on a WebSocket."""
