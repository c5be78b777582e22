"""A chat: each line of stdin is a question, and the gateway keeps the conversation."""

import sys

from openai import OpenAI

client = OpenAI()
conversation = client.conversations.create()
for line in sys.stdin:
    response = client.responses.create(
        model="best", input=line.strip(), conversation=conversation.id
    )
    print(response.output_text, end="\n\n")
