"""`chat`: a conversation at the terminal, through the API that every other caller uses."""
