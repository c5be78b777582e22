"""Webhook endpoints, and the events that are on their way to them.

Everything about deliveries lies here, under <prefix>{jobs}:webhooks: (lua/webhooks.lua): what a
purge is to take is taken by `purge` and `erase`.
"""
