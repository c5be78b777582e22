"""Reading what upstreams send: what all formats share."""
