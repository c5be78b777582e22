"""WebSocket mode of the Responses API: one connection, one response after another (E10)."""
