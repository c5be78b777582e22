"""Commands that judge: a gateway.toml, a stream."""
