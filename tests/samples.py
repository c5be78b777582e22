"""What metrics of this process say, before and after something."""

from __future__ import annotations

from prometheus_client import REGISTRY

Labels = tuple[tuple[str, str], ...]


def samples(*names: str) -> dict[tuple[str, Labels], float]:
    """Return the samples of these names that are not zero."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name in names and sample.value
    }


class Growth:
    """How samples have grown since this was made."""

    def __init__(self, *names: str) -> None:
        self._names = names
        self._before = samples(*names)

    def of(self, name: str, **labels: str) -> float:
        """Return the growth of all samples of a name that have these labels, together."""
        return sum(
            value
            for (each, its), value in self.all.items()
            if each == name and labels.items() <= dict(its).items()
        )

    @property
    def all(self) -> dict[tuple[str, Labels], float]:
        """What has grown, and by how much."""
        now = samples(*self._names)
        grown = {key: round(now[key] - self._before.get(key, 0.0), 9) for key in now}
        return {key: growth for key, growth in grown.items() if growth}
