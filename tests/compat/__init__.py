"""What OpenAI's newest SDK can ask, and what becomes of each of it here: docs/compatibility.md.

`make compat` walks the SDK's types, probes a gateway in this process with one member after the
other, on each kind of upstream, and writes the page; a test holds the page to what is found. No
verdict is written by hand.
"""
