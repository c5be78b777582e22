"""Sphinx's settings for the documentation site.

`make docs` runs Sphinx over copies of the pages (tests/site), with links as they are to be there.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx
from sphinx.util.osutil import relative_uri

from app import __version__
from tests.site.diagram import svg

#: How the copies name files that are no pages, and what leads to nothing on the site.
FILES, NOTHING = "https://files.invalid/", "https://nothing.invalid/"

project = "Responses Gateway"
version = release = __version__
html_title = f"{project} {version}"
html_short_title = project
language = "en"
root_doc = "index"
exclude_patterns = ["_extra"]
extensions = ["myst_parser"]
myst_heading_anchors = 6
# What a page's console shows is not always JSON or TOML to the last letter.
suppress_warnings = ["misc.highlighting_failure", "myst.header"]
highlight_language = "text"
pygments_style, pygments_dark_style = "a11y-high-contrast-light", "a11y-high-contrast-dark"

html_theme = "furo"
html_theme_options = {"navigation_with_keys": True, "top_of_page_buttons": []}
html_static_path, templates_path = ["static"], ["templates"]
html_css_files, html_js_files = ["site.css"], [("site.js", {"defer": "defer"})]
html_favicon = "static/icon.svg"
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/viewer.html",
        "sidebar/scroll-end.html",
    ]
}
html_copy_source = html_show_sourcelink = html_show_copyright = html_show_sphinx = False
html_use_index = html_domain_indices = False
html_permalinks_icon = "#"


def setup(app: Sphinx) -> dict[str, Any]:
    """Have links to files lead to them, those to nothing be plain text, and diagrams be drawn."""
    app.add_lexer("mermaid", TextLexer)
    app.connect("doctree-read", _draw)
    app.connect("doctree-resolved", _settle_links)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _draw(_app: Sphinx, doctree: nodes.document) -> None:
    for block in list(doctree.findall(nodes.literal_block)):
        drawn = svg(block.astext()) if block.get("language") == "mermaid" else None
        if drawn:
            picture = f'<div class="table-wrapper">{drawn}</div>'
            block.parent.replace(block, nodes.raw("", picture, format="html"))


def _settle_links(app: Sphinx, doctree: nodes.document, page: str) -> None:
    here = app.builder.get_target_uri(page)
    for link in list(doctree.findall(nodes.reference)):
        target = link.get("refuri", "")
        if target.startswith(FILES):
            link["refuri"] = relative_uri(here, "files/" + target.removeprefix(FILES))
        elif target.startswith(NOTHING):
            link.parent.replace(link, link.children)
