"""`ingest compare`: which rows a change of the models changed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from python_ingest.publication.manifest import read_manifest
from python_ingest.reporting.compare import compare as compared
from python_ingest.reporting.grain import built_models, grains
from python_ingest.reporting.markdown import as_markdown

app = typer.Typer()


@app.command(
    epilog="Example: ingest compare data/production/trading.duckdb target/slim/trading.duckdb"
)
def compare(
    before: Annotated[Path, typer.Argument(help="Database file, as it was.")],
    after: Annotated[Path, typer.Argument(help="Database file, as the branch builds it.")],
    manifest: Annotated[
        Path, typer.Option(help="Where dbt says the grain of each relation.")
    ] = Path("target/manifest.json"),
    built: Annotated[
        Path | None,
        typer.Option(help="Folder of dbt's results: compare only what was built, by its manifest."),
    ] = None,
) -> None:
    """Print, as Markdown for a pull request, which rows were added, removed and changed."""
    if built is None:
        print(as_markdown(compared(before, after, grains(read_manifest(manifest)))))
        return
    models = built_models(built / "run_results.json")
    known = grains(read_manifest(built / "manifest.json"))
    found = compared(before, after, {name: known[name] for name in known if models.get(name)})
    print(as_markdown(found, not_built=sorted(name for name in models if not models[name])))
