"""A JSON body's memory, estimated before parsing, and its long texts, which need no parsing."""
