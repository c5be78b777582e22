"""Built-in tools that callers run (G4): how models see them, their calls and outputs."""
