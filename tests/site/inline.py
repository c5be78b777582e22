"""Scripts and styles that stand inside pages, moved into files: the site's policy allows no others.

`<script>…</script>` becomes `<script src="…">`, and `style="…"` a rule of a style sheet.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_SHEET = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_STYLE = re.compile(r'(<[a-zA-Z][^<>]*?)\sstyle="([^"]*)"')
_STATIC = "_static"
#: What Furo leaves out for who has a keyboard alone, or a screen reader (WCAG 2.2: 2.1.1, 4.1.2).
_REACHABLE = (
    ('<div class="highlight"><pre>', '<div class="highlight"><pre tabindex="0">'),
    ('<div class="table-wrapper', '<div tabindex="0" class="table-wrapper'),
    ('class="caption" role="heading">', 'class="caption" role="heading" aria-level="2">'),
)


def without_inline(folder: Path) -> None:
    """Rewrite every page of a folder."""
    rules: dict[str, str] = {}
    for page in sorted(folder.rglob("*.html")):
        up = "../" * (len(page.relative_to(folder).parts) - 1)
        page.write_text(_moved(page.read_text("utf-8"), folder, up, rules), "utf-8")
    sheet = "".join(f'[data-style="{key}"]{{{rule}}}\n' for key, rule in sorted(rules.items()))
    (folder / _STATIC / "inline.css").write_text(sheet, "utf-8")


def _moved(page: str, folder: Path, up: str, rules: dict[str, str]) -> str:
    page = _SCRIPT.sub(_to_file(folder, up, "js", '<script src="{}"></script>'), page)
    page = _SHEET.sub(_to_file(folder, up, "css", '<link rel="stylesheet" href="{}">'), page)

    def as_rule(found: re.Match[str]) -> str:
        key = _digest(found[2])
        rules[key] = found[2]
        return f'{found[1]} data-style="{key}"'

    while _STYLE.search(page):  # a tag's match may have taken the one before it along
        page = _STYLE.sub(as_rule, page)
    for plain, reachable in _REACHABLE:
        page = page.replace(plain, reachable)
    link = f'<link rel="stylesheet" href="{up}{_STATIC}/inline.css">\n'
    return page.replace("</head>", f"{link}</head>", 1)


def _to_file(folder: Path, up: str, kind: str, tag: str) -> Callable[[re.Match[str]], str]:
    def move(found: re.Match[str]) -> str:
        name = PurePosixPath(_STATIC, f"inline-{_digest(found[1])}.{kind}")
        (folder / name).write_text(found[1].strip() + "\n", "utf-8")
        return tag.format(f"{up}{name}")

    return move


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10]
