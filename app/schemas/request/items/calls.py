"""Calls that the model made, and their outputs, as the caller sends them."""

from __future__ import annotations

from app.domain.items import CustomCall, CustomCallOutput, FunctionCall, FunctionCallOutput
from app.schemas.custom_input import CustomInput
from app.schemas.fields import Choice, String
from app.schemas.program import InputCallerField
from app.schemas.request.bounds import LONGEST_CALL_ID, LONGEST_FUNCTION, LONGEST_TEXT, STATUSES
from app.schemas.request.items.fields import FunctionOutputField, ItemId, ItemSchema


class InputFunctionCallSchema(ItemSchema):
    about = "A function call that the model made."
    values = (FunctionCall,)

    type = Choice("function_call", required=True)
    call_id = String(required=True, shortest=1, longest=LONGEST_CALL_ID)
    name = String(required=True, shortest=1, longest=LONGEST_FUNCTION)
    arguments = String(
        required=True,
        longest=LONGEST_TEXT,
        about="The arguments that the model wrote, as a JSON string.",
    )
    namespace = String(shortest=1, longest=LONGEST_FUNCTION, about="The namespace of the function.")
    id = ItemId()
    status = Choice(*STATUSES, default="completed")
    caller = InputCallerField()


class InputFunctionCallOutputSchema(ItemSchema):
    about = "The output of a function call."
    values = (FunctionCallOutput,)

    type = Choice("function_call_output", required=True)
    call_id = String(required=True, shortest=1, longest=LONGEST_CALL_ID)
    output = FunctionOutputField(required=True)
    id = ItemId()
    status = Choice(*STATUSES, default="completed")
    caller = InputCallerField()


class InputCustomCallSchema(ItemSchema):
    about = "A custom tool call that the model made."
    values = (CustomCall,)

    type = Choice("custom_tool_call", required=True)
    call_id = String(required=True, shortest=1, longest=LONGEST_CALL_ID)
    name = String(required=True, shortest=1, longest=LONGEST_FUNCTION)
    input = CustomInput(required=True, longest=LONGEST_TEXT, about="The text that the model wrote.")
    namespace = String(shortest=1, longest=LONGEST_FUNCTION, about="The namespace of the tool.")
    id = ItemId()
    status = Choice(*STATUSES, default="completed")
    caller = InputCallerField()


class InputCustomCallOutputSchema(InputFunctionCallOutputSchema):
    about = "The output of a custom tool call."
    values = (CustomCallOutput,)

    type = Choice("custom_tool_call_output", required=True)
