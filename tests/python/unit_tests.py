"""dbt's unit tests of all models, as their YAML has them."""

from pathlib import Path
from typing import Any

import yaml

UNIT_TESTS: list[dict[str, Any]] = [
    test
    for path in sorted((Path(__file__).parents[2] / "models").rglob("*.yml"))
    if "unit_tests:" in (text := path.read_text())
    for test in yaml.load(text, yaml.CSafeLoader)["unit_tests"]
]
