"""Callers with a signed token of an issuer (P5): its keys, and whether a token is theirs."""
