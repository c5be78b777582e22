"""Built-in tools that callers run (G4): what each is to models, its calls and their outputs."""
