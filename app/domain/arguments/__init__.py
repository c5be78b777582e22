"""The arguments that models write: JSON in fragments, at times cut off or broken."""
