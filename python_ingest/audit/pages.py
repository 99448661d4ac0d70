"""Data docs without a network: the generated pages load styles and scripts from other hosts."""

from __future__ import annotations

import html
import os
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

_REMOTE = re.compile(
    r"<script\b[^>]*>.*?</script>"
    r"|<style\b[^>]*>.*?</style>"
    r"|<link\b[^>]*href=\"https?://[^>]*>"
    r"|<img\b[^>]*src=\"https?://[^>]*>"
    r"|<footer\b.*?</footer>",
    re.DOTALL | re.IGNORECASE,
)
_ELSEWHERE = re.compile(r"<a\b[^>]*href=\"https?://[^\"]*\"[^>]*>(.*?)</a>", re.DOTALL)

STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 72rem; padding: 1rem; }
table { border-collapse: collapse; margin: .5rem 0; }
th, td { border: 1px solid #8886; padding: .25rem .6rem; text-align: left; vertical-align: top; }
h1, h2, h3, h4, h5, h6 { font-size: 1.1rem; margin: 1.2rem 0 .3rem; }
h1 { font-size: 1.5rem; }
ol.breadcrumb { list-style: none; padding: 0; }
.fa-check-circle::before { content: "\\2713"; color: #1a7f37; font-style: normal; }
.fa-times::before { content: "\\2717"; color: #d1242f; font-style: normal; }
.fa-exclamation-triangle::before { content: "!"; color: #bf8700; font-style: normal; }
.ge-breadcrumbs-item-hidden, .btn, .navbar-toggler, .popover, [hidden] { display: none; }
.collapse, a[data-toggle="collapse"] { display: none; }
.wide { overflow-x: auto; }
.critical { color: #d1242f; }
"""


@dataclass(frozen=True)
class Outcome:
    """What the first page says."""

    title: str
    span: str
    critical: list[str]
    warnings: list[str]
    figures: dict[str, pd.DataFrame]


def make_local(folder: Path) -> None:
    """Remove remote styles and scripts from the pages and add our own style."""
    (folder / "audit.css").write_text(STYLE, encoding="utf-8")
    for page in folder.rglob("*.html"):
        style = os.path.relpath(folder / "audit.css", page.parent)
        text = _ELSEWHERE.sub(r"\1", _REMOTE.sub("", page.read_text(encoding="utf-8")))
        link = f'<link rel="stylesheet" href="{style}"></head>'
        page.write_text(text.replace("</head>", link, 1), encoding="utf-8")


def write_index(folder: Path, outcome: Outcome) -> Path:
    """Write the first page: the verdict, a line per broken rule, links to the details."""
    parts = [f"<h1>{html.escape(outcome.title)}</h1>", f"<p>{html.escape(outcome.span)}</p>"]
    for name, lines in (("Critical", outcome.critical), ("Warnings", outcome.warnings)):
        colour = f' class="{name.lower()}"' if lines else ""  # none is no alarm
        parts.append(f"<h2{colour}>{name}: {len(lines)}</h2>")
        parts.append("<ul>" + "".join(f"<li>{html.escape(line)}</li>" for line in lines) + "</ul>")
    for name, frame in outcome.figures.items():
        table = frame.to_html(index=False, border=0, na_rep="", float_format="{:.6g}".format)
        parts.append(f'<h2>New {html.escape(name)}</h2><div class="wide">{table}</div>')
    for name, pattern in (("Details", "validations"), ("Rules", "expectations")):
        pages = sorted((folder / pattern).rglob("*.html"))
        links = (
            f'<li><a href="{page.relative_to(folder).as_posix()}">{_label(page, folder)}</a></li>'
            for page in pages
        )
        parts.append(f"<h2>{name}</h2><ul>{''.join(links)}</ul>")
    index = folder / "index.html"
    index.write_text(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(outcome.title)}</title>"
        f'<link rel="stylesheet" href="audit.css"></head><body>{"".join(parts)}</body></html>\n',
        encoding="utf-8",
    )
    return index


def _label(page: Path, folder: Path) -> str:
    """The suite's name: the second part of a validation's path, the file of an expectation's."""
    parts = page.relative_to(folder).with_suffix("").parts
    return html.escape(parts[1])
