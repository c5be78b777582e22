"""`up`: the whole gateway on one machine, from nothing."""
