"""Which pages stand where in the site's navigation."""

from __future__ import annotations

from tests.site.navigation import child_list, groups, navigation
from tests.site.staging import pages


def placed() -> list[str]:
    return [page for _, mine in groups(pages().values()) for page in mine]


def test_every_page_stands_in_the_navigation_once() -> None:
    names = {each.removesuffix(".md") for each in pages().values()} - {"index"}
    beneath = {each for each in names if f"{each.rpartition('/')[0]}/index" in names - {each}}
    beneath = {each for each in beneath if not each.startswith("guides/")}
    assert sorted(placed()) == sorted(names - beneath)


def test_a_page_that_no_group_names_comes_into_the_group_for_the_rest() -> None:
    found = dict(groups(["index.md", "something-new.md", "metrics.md"]))
    assert found == {"Guides": ["something-new"], "Reference": ["metrics"]}


def test_a_folder_is_its_index_with_its_pages_beneath_or_else_its_pages() -> None:
    names = ["index.md", "decisions/index.md", "decisions/a.md", "guides/text.md"]
    assert dict(groups(names)) == {"Guides": ["guides/text"], "Project": ["decisions/index"]}
    spread = dict(groups([*names, "guides/index.md"]))
    assert spread["Guides"] == ["guides/index", "guides/text"]
    assert child_list("guides/index.md", [*names, "guides/index.md"]) == ""
    assert "/decisions/a" in child_list("decisions/index.md", names)
    assert child_list("guides/text.md", names) == child_list("index.md", names) == ""


def test_groups_are_written_as_sphinx_reads_them() -> None:
    assert ":caption: Reference\n\nmetrics\n```\n" in navigation(["metrics.md"])
