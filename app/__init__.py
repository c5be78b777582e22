"""Responses Gateway: a self-hosted endpoint that speaks the Responses API."""
