"""The second entrance: background responses. The only room that imports dramatiq."""
