"""What every figure needs: the servers, the load, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass

from bench.generator import Generator
from bench.servers import Place, Server


@dataclass(frozen=True, slots=True)
class Setting:
    """`gateway` and `floor` have one process each, `direct` is the upstream itself.

    `peer` is somebody else's gateway, where one is to be measured as well.
    """

    where: Place
    generator: Generator
    gateway: Server
    floor: Server
    direct: Server
    peer: Server | None
    quick: bool

    def sized(self, full: int, quick: int) -> int:
        """Return the one of two sizes that this run is to have."""
        return quick if self.quick else full
