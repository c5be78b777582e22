"""Built-in tools, their calls and outputs, as responses show them (G4)."""
