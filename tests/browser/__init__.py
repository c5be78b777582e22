"""The console in a real browser: Chromium of the system, in front of a whole gateway."""
