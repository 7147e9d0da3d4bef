"""Checks that the links of built documentation lead somewhere.

    python python/docs/links.py FOLDER ...

Every link from a page to a file or an anchor in any of the folders' pages is followed; those with a scheme are not.
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote


class Page(HTMLParser):
    """The links and anchors of a page."""

    def __init__(self, file: Path) -> None:
        """Read a page."""
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element links to and is called."""
        values = dict(attrs)
        self.anchors.update(value for name in ("id", "name") if (value := values.get(name)))
        if link := values.get("href" if tag in ("a", "link") else "src"):
            self.links.append(link)


def dead_links(folders: list[Path], *, leave_out: str = "") -> list[str]:
    """Return ``page: link`` for each link that leads nowhere, but for links that match the pattern `leave_out`."""
    pages = {file.resolve(): Page(file) for folder in folders for file in folder.rglob("*.html")}
    dead = []
    for file, page in pages.items():
        for link in page.links:
            # The page for what is not found has absolute links; themes write anchors of tabs with scripts.
            if re.match(r"[a-z]+:|//|/", link) or file.name == "404.html" or (leave_out and re.search(leave_out, link)):
                continue
            path, _, anchor = link.partition("#")
            target = (file.parent / unquote(path.partition("?")[0])).resolve() if path else file
            target = target / "index.html" if target.is_dir() else target
            # rustdoc's anchors are written as in the links, others plainly.
            anchors = pages[target].anchors if target in pages else set()
            known = target in pages and (not anchor or not anchors.isdisjoint({anchor, unquote(anchor)}))
            # Anchors of lines in source code are made by a script.
            if not known and (not target.is_file() or (anchor and target in pages and "/src/" not in str(target))):
                dead.append(f"{file}: {link}")
    return dead


if __name__ == "__main__":
    dead = dead_links([Path(name) for name in sys.argv[1:]])
    if dead:
        sys.exit("links that lead nowhere:\n" + "\n".join(dead))
    print("all links lead somewhere")
