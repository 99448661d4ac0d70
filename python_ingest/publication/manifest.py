"""dbt's manifest: the models, their descriptions and their order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from python_ingest.errors import UsageError


def read_manifest(path: Path) -> dict[str, Any]:
    """Return dbt's manifest.

    Raises UsageError where there is none, or where the file is something else.
    """
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path} is not there: run `dbt parse`, or give --manifest") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} is no manifest of dbt: {error}") from None
    if not isinstance(manifest, dict) or "nodes" not in manifest:
        raise UsageError(f"{path} is no manifest of dbt: it has no nodes")
    return manifest
