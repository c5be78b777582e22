"""WebSockets on gevent's worker: the handshake, messages and their bounds, pings, ends."""
