"""A dataclass decorator for the few values that are created often: many a request, or one an event.

For mypy they are frozen, like all values here: no field may be set. At run time they are not.
MEASURED: a frozen dataclass sets each field through `object.__setattr__`, which takes 0.13 µs a
field; a request of 20 items sets 300, a small one 80, and each event of a stream eight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["frozen_dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass as frozen_dataclass
else:
    from dataclasses import dataclass

    def frozen_dataclass(*, frozen: bool, slots: bool, kw_only: bool = False):  # noqa: ARG001
        """Return the decorator; `frozen` is for mypy only."""
        return dataclass(slots=slots, kw_only=kw_only, unsafe_hash=True)
