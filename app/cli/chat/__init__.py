"""`chat`: a conversation at the terminal, by the API that every other caller uses."""
