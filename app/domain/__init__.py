"""Values and pure functions: stdlib only, no clock, no I/O."""
