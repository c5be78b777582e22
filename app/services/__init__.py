"""The rules of the gateway that an operator would recognise, apart from HTTP and Redis."""
