"""The parts of WebSocket support that request handlers use: turns, sessions, the server's API."""
