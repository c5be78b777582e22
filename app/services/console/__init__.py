"""The data that the console shows people about their account."""
