"""WebSockets on the gevent worker: handshake, bounded messages, pings, closing."""
