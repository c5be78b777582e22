"""How answers are made, as responses and items show it."""
