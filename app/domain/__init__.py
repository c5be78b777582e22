"""Values and pure functions: only the standard library, no clock, no I/O."""
