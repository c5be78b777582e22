"""Sockets and HTTP/1.1: what stands between requests and the upstream's wire."""
