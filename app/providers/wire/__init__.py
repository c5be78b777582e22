"""Sockets and HTTP/1.1: the transport below the requests library."""
