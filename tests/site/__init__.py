"""The documentation site: how it is built of the pages, and what holds the kept build to them."""
