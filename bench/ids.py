"""Generates the gateway's ids, for what is stored without it."""

from __future__ import annotations

from app.domain.ids import IdGenerator
from app.randomness import random_bytes

_IDS = IdGenerator(random_bytes)
new_tag, new_id, item_minter = _IDS.new_tag, _IDS.new_id, _IDS.item_minter
