"""Copies of the pages as Sphinx is given them: in one folder, with the navigation.

docs/webhooks.md is `webhooks`, README.md `index`, docs/decisions/README.md `decisions/index`. Links
to pages lead to their copies; other files are taken along, so that links to them go on leading
somewhere.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path, PurePosixPath

from tests.processes import ROOT
from tests.site.navigation import child_list, navigation

#: Pages outside docs/.
_TOP = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
}
#: See docs/site/conf.py.
_FILES, _NOTHING = "https://files.invalid/", "https://nothing.invalid/"
_LARGEST_FILE = 500_000
_PICTURES = frozenset({".svg", ".png"})
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^()\s#]+)(#[^()\s]*)?(?=\))")
_IMAGE = re.compile(r"(!\[[^\]]*\]\()(?![a-z]+:)([^()\s]+)(?=\))")
_ATTRIBUTE = re.compile(r'(?<=\s)(src|srcset)="(?![a-z]+:)([^"\s]+)"')
_FOUR_O_FOUR = """\
# Page not found

There is no such page. It may have moved: look in the navigation, or search.
"""


def pages() -> dict[str, str]:
    """Return what each page's copy is called, by its path in the repository."""
    inside = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))
    found = {path: path.removeprefix("docs/").replace("README.md", "index.md") for path in inside}
    found.pop("docs/README.md", None)  # the way in on a forge; here that is README.md
    return found | _TOP


def stage(folder: Path) -> None:
    """Copy every page into a folder."""
    names = pages()
    for source, name in names.items():
        copy = folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = _relinked((ROOT / source).read_text("utf-8"), source, names, folder)
        copy.write_text(text + child_list(name, names.values()), "utf-8")
    with (folder / "index.md").open("a", encoding="utf-8") as index:
        index.write(navigation(names.values()))
    (folder / "404.md").write_text(f"---\norphan: true\n---\n\n{_FOUR_O_FOUR}", "utf-8")
    (folder / "_extra").mkdir(exist_ok=True)


def _relinked(text: str, source: str, names: dict[str, str], folder: Path) -> str:
    """Return a page with its links as they are to be in its copy."""
    here = PurePosixPath(names[source]).parent

    def file_at(target: str) -> str | None:
        """Take a file along, and return where the site has it."""
        path = ROOT / target
        if not path.is_file() or path.stat().st_size > _LARGEST_FILE:
            return None
        # Source is shown as text; it stands inside the package, and is no part of it.
        name = target if path.suffix in _PICTURES else f"{target.lstrip('.')}.txt"
        copy = folder / "_extra" / "files" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        return name

    def link(found: re.Match[str]) -> str:
        target = _joined(source, found[1])
        if target in names:
            return os.path.relpath(names[target], here) + (found[2] or "")
        name = file_at(target)
        return _FILES + name if name else _NOTHING

    def attribute(found: re.Match[str]) -> str:
        target = file_at(_joined(source, found[2]))
        return f'{found[1]}="{os.path.relpath(f"files/{target}", here)}"'

    def image(found: re.Match[str]) -> str:
        target = _joined(source, found[2])
        copy = folder / "_images" / target
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / target, copy)
        return found[1] + os.path.relpath(f"_images/{target}", here)

    return _ATTRIBUTE.sub(attribute, _LINK.sub(link, _IMAGE.sub(image, text)))


def _joined(source: str, link: str) -> str:
    return os.path.normpath(PurePosixPath(source).parent / link)
