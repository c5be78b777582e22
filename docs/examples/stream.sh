#!/bin/sh
# An answer as it comes, its text only: stream.sh [QUESTION]. Needs curl 7.82 and jq.
set -eu
jq -n --arg input "${1:-Hello, world!}" '{model: "best", $input, stream: true}' |
  curl -sSN --fail-with-body "$OPENAI_BASE_URL/responses" \
    -H "Authorization: Bearer $OPENAI_API_KEY" --json @- |
  sed -un 's/^data: {/{/p' |
  jq -rj --unbuffered 'select(.type == "response.output_text.delta").delta'
echo
