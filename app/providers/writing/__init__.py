"""Writing what upstreams are sent: what all formats share."""
