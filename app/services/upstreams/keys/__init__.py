"""The keys by which providers are called: whose turn it is, who rests, what is renewed (N7)."""
