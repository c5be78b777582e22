"""Names of receivers: what they resolve to is judged, and that very address is connected to.

So a name that is public when it is looked at and private a moment later leads nowhere: it is
resolved once for each connection, and its certificate still has to be the name's.
"""

from __future__ import annotations

from app.domain.webhooks.addresses import is_public
from app.providers.wire.dial import Address, Resolver
from app.providers.wire.interrupt import Interrupt


class PrivateAddress(OSError):
    """A name leads to this host, its network or its cloud alone."""


class PublicResolver(Resolver):
    """Resolves names to their public addresses."""

    def resolve(
        self, host: str, port: int, timeout_s: float, interrupt: Interrupt
    ) -> list[Address]:
        """Return the public addresses of `host`, in the order to try.

        Raises:
            PrivateAddress: it has addresses, and none of them is public.
            TimeoutError, OSError: as Resolver.resolve does.
        """
        found = super().resolve(host, port, timeout_s, interrupt)
        public = [each for each in found if is_public(each[1][0])]
        if found and not public:
            raise PrivateAddress("the name has no public address")
        return public
