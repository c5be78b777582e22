#!/bin/sh
# A background answer, asked for until it is there: wait.sh [QUESTION]. Needs curl 7.82 and jq.
set -eu
api() {
  curl -sS --fail-with-body -H "Authorization: Bearer $OPENAI_API_KEY" "$@"
}
id=$(jq -n --arg input "${1:-Hello, world!}" '{model: "best", $input, background: true}' |
  api "$OPENAI_BASE_URL/responses" --json @- | jq -r .id)
while answer=$(api "$OPENAI_BASE_URL/responses/$id?wait=30"); do
  case $(printf %s "$answer" | jq -r .status) in
    queued | in_progress) ;;
    *) break ;;
  esac
done
printf %s "$answer" | jq -r '"\(.status): \(.output_text)"'
