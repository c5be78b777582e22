"""HTTP in, HTTP out: the only room that imports flask."""
