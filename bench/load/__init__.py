"""The load generator, in a process of its own, so that its cost never counts as the server's.

It reads one order per line of JSON from stdin and answers each with one line on stdout.
"""
