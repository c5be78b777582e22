"""What those who answer requests know of WebSockets: whose turn it is, and what a server can do."""
