"""Responses Gateway: a self-hosted endpoint that speaks the Responses API."""

#: The one place of the version: packaging, metrics, /version and /openapi.json read it.
__version__ = "0.1.0"
