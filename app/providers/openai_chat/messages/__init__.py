"""Write a conversation as messages of Chat Completions, with a cache of earlier ones."""
