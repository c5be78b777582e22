"""Which blocks of a page are programs, and which are their output."""

from __future__ import annotations

from tests.snippets.pages import Prompt, prompts, snippets
from tests.snippets.runner import Drift, replaced

PAGE = """# Page

```bash
echo a
```

```text
a
```

Words.

```json
{"n": 1}
```

<!-- not run: needs a key -->
```python
print(1)
```

And so on.

```text
1
```
"""


def test_a_block_behind_a_program_is_its_output() -> None:
    first, second = snippets(PAGE)
    assert (first.program.text, first.output and first.output.text) == ("echo a", "a")
    assert (second.program.text, second.output) == ("print(1)", None)


def test_a_program_that_is_not_run_has_its_reason_above_it() -> None:
    assert [each.program.not_run for each in snippets(PAGE)] == ["", "needs a key"]


def test_a_console_has_commands_and_what_they_print() -> None:
    assert prompts("$ a \\\n    b\n1\n2\n$ c\n") == [
        Prompt("a \\\n    b", "1\n2\n"),
        Prompt("c", ""),
    ]


def test_an_output_is_replaced_where_it_stands_or_put_behind_its_program() -> None:
    drift = Drift(3, "a", "b", 6, 9, "```text\nb\n```")
    missing = Drift(16, "", "1", 20, 20, "\n```text\n1\n```")
    (first, second) = snippets(replaced(PAGE, [drift, missing]))
    assert first.output is not None
    assert second.output is not None
    assert (first.output.text, second.output.text) == ("b", "1")
