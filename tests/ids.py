"""Ids of ours, for tests that need some."""

from __future__ import annotations

from app.domain.ids import IdGenerator
from app.randomness import random_bytes

IDS = IdGenerator(random_bytes)
first_id, new_tag, new_id = IDS.first_id, IDS.new_tag, IDS.new_id
item_minter, item_ids = IDS.item_minter, IDS.item_ids
