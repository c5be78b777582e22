"""Webhooks: endpoints that are notified of a response's end, and deliveries to them."""
