"""The calls of an answer that are open: functions, custom tools and built-in tools."""
