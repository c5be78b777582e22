"""An answer on the terminal, word by word, and gone on with where the connection breaks."""

import sys

from openai import APIConnectionError, OpenAI

client = OpenAI()
response_id, last = None, -1
stream = client.responses.create(
    model="local/slow-echo", input="The words come one by one.", stream=True
)
for _ in range(5):
    try:
        for event in stream:
            last = event.sequence_number
            if event.type == "response.created":
                response_id = event.response.id
            elif event.type == "response.output_text.delta":
                sys.stdout.write(event.delta)
                sys.stdout.flush()
            elif event.type in ("response.failed", "response.incomplete"):
                print(f"\n[{event.type}]", file=sys.stderr)
        break
    except APIConnectionError:
        if response_id is None:
            raise
        stream = client.responses.retrieve(response_id, stream=True, starting_after=last)
print()
