"""The dataclass of the few values that are made many times a request, or once an event.

To mypy they are frozen, as all values here: no field may be set. At run time they are not.
MEASURED: a frozen one sets each field through `object.__setattr__`, which takes 0.13 µs a field; a
request of 20 items sets 300, a small one 80, and each event of a stream eight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["frozen_dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass as frozen_dataclass
else:
    from dataclasses import dataclass

    def frozen_dataclass(*, frozen: bool, slots: bool, kw_only: bool = False):  # noqa: ARG001
        """Return what makes a class one; `frozen` is for mypy."""
        return dataclass(slots=slots, kw_only=kw_only, unsafe_hash=True)
