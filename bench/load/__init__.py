"""The load: its own process, so that what it costs is never counted as the server's.

Reads one order a line of JSON from stdin and answers each with one line on stdout.
"""
