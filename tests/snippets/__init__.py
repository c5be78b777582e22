"""The programs on the documentation's pages, run against a gateway, and their output compared.

CONTRIBUTING.md says how a page is written.
"""
