#!/bin/sh
# One question, one answer: ask.sh [QUESTION]. Needs curl 7.82 and jq.
set -eu
jq -n --arg input "${1:-Hello, world!}" '{model: "best", $input}' |
  curl -sS --fail-with-body "$OPENAI_BASE_URL/responses" \
    -H "Authorization: Bearer $OPENAI_API_KEY" --json @- |
  jq -r .output_text
