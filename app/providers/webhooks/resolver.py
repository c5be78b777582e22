"""Resolve receivers' names, check the addresses, and connect to exactly those.

A name that is public when it is checked and private a moment later (DNS rebinding) has no effect:
it is resolved once per connection, and the certificate still has to be the name's.
"""

from __future__ import annotations

from app.domain.webhooks.addresses import is_public
from app.providers.wire.connect import Address
from app.providers.wire.dial import Resolver
from app.providers.wire.interrupt import Interrupt


class PrivateAddress(OSError):
    """A name resolves only to addresses of this host, its network or its cloud."""


class PublicResolver(Resolver):
    """Resolves names to their public addresses only."""

    def resolve(
        self, host: str, port: int, timeout_s: float, interrupt: Interrupt
    ) -> list[Address]:
        """Return the public addresses of `host`, in the order in which to try them.

        Raises:
            PrivateAddress: it has addresses, and none of them is public.
            TimeoutError, OSError: as Resolver.resolve does.
        """
        found = super().resolve(host, port, timeout_s, interrupt)
        public = [each for each in found if is_public(each[1][0])]
        if found and not public:
            raise PrivateAddress("the name has no public address")
        return public
