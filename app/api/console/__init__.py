"""/console: the gateway for people who would rather look than read (N24)."""
