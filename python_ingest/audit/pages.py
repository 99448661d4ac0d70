"""Data docs without a network: the generated pages load styles and scripts from other hosts."""

import html
import os
import re
from importlib.resources import files
from pathlib import Path

from python_ingest.audit.profile import Profile

_REMOTE = re.compile(
    r"<script\b[^>]*>.*?</script>"
    r"|<style\b[^>]*>.*?</style>"
    r"|<link\b[^>]*href=\"https?://[^>]*>"
    r"|<img\b[^>]*src=\"https?://[^>]*>"
    r"|<footer\b.*?</footer>",
    re.DOTALL | re.IGNORECASE,
)
_ELSEWHERE = re.compile(r"<a\b[^>]*href=\"https?://[^\"]*\"[^>]*>(.*?)</a>", re.DOTALL)

_STYLE = files("python_ingest.audit") / "audit.css"


def make_local(folder: Path) -> None:
    """Remove remote styles and scripts from the pages and add our own style."""
    (folder / "audit.css").write_bytes(_STYLE.read_bytes())
    for page in folder.rglob("*.html"):
        style = os.path.relpath(folder / "audit.css", page.parent)
        text = _ELSEWHERE.sub(r"\1", _REMOTE.sub("", page.read_text(encoding="utf-8")))
        link = f'<link rel="stylesheet" href="{style}"></head>'
        page.write_text(text.replace("</head>", link, 1), encoding="utf-8")


def write_index(
    folder: Path, title: str, span: str, broken: dict[str, list[str]], figures: Profile
) -> None:
    """Write the first page: the verdict, a line per broken rule, links to the details."""
    parts = [f"<h1>{html.escape(title)}</h1>", f"<p>{html.escape(span)}</p>"]
    for name, lines in broken.items():
        colour = f' class="{name.lower()}"' if lines else ""  # none is no alarm
        parts.append(f"<h2{colour}>{name}: {len(lines)}</h2>")
        parts.append("<ul>" + "".join(f"<li>{html.escape(line)}</li>" for line in lines) + "</ul>")
    for name, frame in figures.items():
        table = frame.to_html(index=False, border=0, na_rep="", float_format="{:.6g}".format)
        parts.append(f'<h2>New {html.escape(name)}</h2><div class="wide">{table}</div>')
    for name, pattern in (("Details", "validations"), ("Rules", "expectations")):
        pages = sorted((folder / pattern).rglob("*.html"))
        links = (
            f'<li><a href="{page.relative_to(folder).as_posix()}">{_label(page, folder)}</a></li>'
            for page in pages
        )
        parts.append(f"<h2>{name}</h2><ul>{''.join(links)}</ul>")
    (folder / "index.html").write_text(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title)}</title>"
        f'<link rel="stylesheet" href="audit.css"></head><body>{"".join(parts)}</body></html>\n',
        encoding="utf-8",
    )


def _label(page: Path, folder: Path) -> str:
    """The suite's name: the second part of a validation's path, the file of an expectation's."""
    parts = page.relative_to(folder).with_suffix("").parts
    return html.escape(parts[1])
