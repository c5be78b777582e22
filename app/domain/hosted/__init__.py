"""Items, tools and fields that only other servers know: passed unchanged, or put into words."""
