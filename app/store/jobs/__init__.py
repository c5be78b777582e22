"""The store of background responses: their queues, leases, events and ends."""
