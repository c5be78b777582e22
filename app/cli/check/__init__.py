"""Commands that check a gateway.toml or a stream."""
