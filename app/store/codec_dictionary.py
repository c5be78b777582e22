"""The compression dictionary: text that stored records have in common.

Never edit it: records that were packed with it can be unpacked with nothing else. To improve it,
add a new constant beside this one, under a new version byte (codec).
"""

DICTIONARY = (
    b'"type":"file_citation","file_id":"","filename":"","index":0},'
    b'{"type":"url_citation","url":"https://www.","title":"","start_index":0,"end_index":0}'
    b'{"type":"input_file","file_data":"data:application/pdf;base64,JVBERi0","filename":".pdf"}'
    b'{"type":"input_image","detail":"auto","image_url":"data:image/png;base64,iVBORw0KGgo'
    b'data:image/jpeg;base64,/9j/4AAQSkZJRg"}'
    b'{"format":{"type":"json_schema","name":"","description":null,"schema":{"type":"object",'
    b'"properties":{"":{"type":"array","items":{"type":"string"}},"":{"type":"boolean",'
    b'"description":"":{"anyOf":[{"type":"number"},{"type":"null"}]},"enum":["'
    b'"default":"title":"minimum":"maximum":"$defs":{"$ref":"#/$defs/'
    b'{"type":"function","name":"get_","description":"The Get the Search for Read a file '
    b'Returns the list of ","parameters":{"type":"object","properties":{"path":{"type":"string",'
    b'"description":"The name of the "},"query":{"type":"integer","description":"Optional "}},'
    b'"required":[""],"additionalProperties":false},"strict":true}'
    b"You are a helpful assistant. The user is and of to in that is for with on are be this "
    b"from not have you can it as will or by an which at your if all but they we has more what "
    b"there their when do how use "
    b'{"id":"rs_","type":"reasoning","summary":[{"type":"summary_text","text":"**"}],'
    b'"content":[{"type":"reasoning_text","text":""}],"encrypted_content":"AQ'
    b'{"id":"fco_","type":"function_call_output","status":"completed","call_id":"call_",'
    b'"output":"{\\"result\\":\\"","error\\":'
    b'{"id":"fc_","type":"function_call","status":"completed","call_id":"call_","name":"get_",'
    b'"arguments":"{\\"path\\":\\"\\",\\"query\\":\\"\\"}"}'
    b'{"created_at":17,"completed_at":17,"status":"incomplete","error":{"code":"server_error",'
    b'"message":"The upstream "},"incomplete_details":{"reason":"max_output_tokens"},'
    b'"status":"cancelled","completed_at":null,"usage":null,"model":"claude-'
    b'"reasoning":{"effort":"medium","summary":"auto"},"tool_choice":"required",'
    b'{"created_at":17,"completed_at":17,"status":"completed","error":null,'
    b'"incomplete_details":null,"model":"gpt-","service_tier":"auto","usage":{"input_tokens":1,'
    b'"input_tokens_details":{"cached_tokens":0,"cache_write_tokens":0},"output_tokens":1,'
    b'"output_tokens_details":{"reasoning_tokens":0},"total_tokens":1},"background":false,'
    b'"frequency_penalty":0,"instructions":null,"max_output_tokens":null,"max_tool_calls":null,'
    b'"metadata":{},"parallel_tool_calls":true,"presence_penalty":0,"previous_response_id":null,'
    b'"previous_response_id":"resp_","prompt_cache_key":null,"prompt_cache_retention":null,'
    b'"reasoning":{"effort":null,"summary":null},"safety_identifier":null,"store":true,'
    b'"temperature":1,"text":{"verbosity":"medium","format":{"type":"text"}},'
    b'"tool_choice":"auto","tools":[],"top_logprobs":0,"top_p":1,"truncation":"disabled",'
    b'"user":null,"include":["reasoning.encrypted_content"]}'
    b'[[{"id":"msg_","type":"message","status":"completed","role":"user",'
    b'"content":[{"type":"input_text","text":""}]}],'
    b'[{"id":"msg_","type":"message","status":"completed","role":"assistant",'
    b'"content":[{"type":"output_text","text":"","annotations":[],"logprobs":[]}]}]]'
)
