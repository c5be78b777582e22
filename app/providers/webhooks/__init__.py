"""The way to webhooks' receivers: strangers' servers, which get no more than they must."""
