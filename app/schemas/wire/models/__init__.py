"""Models as callers see them: in OpenAI's form, and in Codex's."""
