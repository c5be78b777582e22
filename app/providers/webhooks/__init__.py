"""Delivery of webhooks to receivers: untrusted servers, which get no more than necessary."""
