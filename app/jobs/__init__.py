"""The entry point of background responses, and the only package that imports dramatiq."""
