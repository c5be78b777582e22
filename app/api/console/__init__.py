"""/console: a web page that shows what the gateway stores and does for an account (N24)."""
