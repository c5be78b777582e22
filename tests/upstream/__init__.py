"""A model server for tests: real HTTP, in its own process, that does what it is told.

It speaks Chat Completions, Responses and Anthropic Messages. `python -m tests.upstream` starts
it and prints where it is; `tests.upstream.client` starts and drives it from Python.
"""
