"""A list of questions, several at a time, safe to be run again: nothing is paid for twice.

Each question has an Idempotency-Key of its own, so that a second run, or a retry after a lost
connection, is given what is there already.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor

from openai import APIStatusError, OpenAI

QUESTIONS = ["What is the capital of France?", "And of Italy?", "And of Spain?"]
client = OpenAI(max_retries=5)


def answer(question: str) -> str:
    """Ask one question; its key is made of the batch and of what is asked."""
    key = "capitals-" + hashlib.sha256(question.encode()).hexdigest()[:16]
    try:
        response = client.responses.create(
            model="best", input=question, extra_headers={"Idempotency-Key": key}
        )
    except APIStatusError as error:
        return f"{error.status_code} {error.code}"
    return response.output_text


with ThreadPoolExecutor(4) as pool:
    for question, text in zip(QUESTIONS, pool.map(answer, QUESTIONS), strict=True):
        print(f"{question} -> {text}")
