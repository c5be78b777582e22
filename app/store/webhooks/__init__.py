"""The store of webhook endpoints, and of the events on their way to them.

Everything about deliveries is under <prefix>{jobs}:webhooks: (lua/webhooks.lua): purges use `purge`
and `erase`.
"""
