"""Calls that the model made, and their outputs, as the caller sends them."""

from __future__ import annotations

from app.domain.items import CustomCall, CustomCallOutput, FunctionCall, FunctionCallOutput
from app.schemas.custom_input import CustomInput
from app.schemas.fields import Choice, String
from app.schemas.program import InputCallerField
from app.schemas.request.bounds import LONGEST_CALL_ID, LONGEST_FUNCTION, LONGEST_TEXT, STATUSES
from app.schemas.request.items.fields import FunctionOutputField, ItemId, ItemSchema


class InputFunctionCallSchema(ItemSchema):
    about = "A call that the model made."
    values = (FunctionCall,)

    type = Choice("function_call", required=True)
    call_id = String(required=True, shortest=1, longest=LONGEST_CALL_ID)
    name = String(required=True, shortest=1, longest=LONGEST_FUNCTION)
    arguments = String(required=True, longest=LONGEST_TEXT, about="The model's JSON, as text.")
    namespace = String(shortest=1, longest=LONGEST_FUNCTION, about="That of the function.")
    id = ItemId()
    status = Choice(*STATUSES, default="completed")
    caller = InputCallerField()


class InputFunctionCallOutputSchema(ItemSchema):
    about = "What the function gave back."
    values = (FunctionCallOutput,)

    type = Choice("function_call_output", required=True)
    call_id = String(required=True, shortest=1, longest=LONGEST_CALL_ID)
    output = FunctionOutputField(required=True)
    id = ItemId()
    status = Choice(*STATUSES, default="completed")
    caller = InputCallerField()


class InputCustomCallSchema(ItemSchema):
    about = "A call of a custom tool that the model made."
    values = (CustomCall,)

    type = Choice("custom_tool_call", required=True)
    call_id = String(required=True, shortest=1, longest=LONGEST_CALL_ID)
    name = String(required=True, shortest=1, longest=LONGEST_FUNCTION)
    input = CustomInput(required=True, longest=LONGEST_TEXT, about="The model's text.")
    namespace = String(shortest=1, longest=LONGEST_FUNCTION, about="That of the tool.")
    id = ItemId()
    status = Choice(*STATUSES, default="completed")
    caller = InputCallerField()


class InputCustomCallOutputSchema(InputFunctionCallOutputSchema):
    about = "What the custom tool gave back."
    values = (CustomCallOutput,)

    type = Choice("custom_tool_call_output", required=True)
