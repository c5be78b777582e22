"""Instructor: answers as objects, asked for as a function that the model must call."""

from __future__ import annotations

import instructor
import openai
from pydantic import BaseModel
from task import TASK, run

client = instructor.from_openai(
    openai.OpenAI(base_url=TASK.base_url, api_key=TASK.api_key, max_retries=0),
    mode=instructor.Mode.RESPONSES_TOOLS,
)


class Report(BaseModel):
    """The weather of a city."""

    city: str
    degrees: int


def converse(model: str) -> list[str]:
    """Have each question answered; what does not fit is asked for again."""
    answers = []
    for question in TASK.questions:
        report = client.responses.create(
            model=model,
            input=question,
            response_model=Report,
            max_retries=2,
            reasoning={"effort": "low"},
        )
        answers.append(f"{report.city} has {report.degrees} degrees")
    return answers


run(converse)
