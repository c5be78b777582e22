"""Options of answers that responses and items contain."""
