"""What every figure needs: the servers, the load generator, and the size of the run."""

from __future__ import annotations

from dataclasses import dataclass

from bench.generator import Generator
from bench.servers import Place, Server


@dataclass(frozen=True, slots=True)
class Setting:
    """`gateway` and `floor` have one process each; `direct` is the upstream itself.

    `peer` is another gateway, if one is measured as well.
    """

    where: Place
    generator: Generator
    gateway: Server
    floor: Server
    direct: Server
    peer: Server | None
    quick: bool

    def sized(self, full: int, quick: int) -> int:
        """Return the size for this kind of run."""
        return quick if self.quick else full
