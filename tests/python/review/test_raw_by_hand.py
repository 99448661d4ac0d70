"""What tests write into `raw` by hand, since landing does not make it; all else is landed."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
# Tables that others than landing write: migrations, exports and archives.
NOT_LANDED = r"(?!cold_files\b|schema_versions\b)"
BY_HAND = re.compile(
    rf"\b(?:insert\s+into|update|delete\s+from)\s+raw\.{NOT_LANDED}", re.IGNORECASE
)
REASONS = {
    "rows that are wrong, which an audit, the doctor or a constraint finds": """
        audit/conftest audit/test_audit doctor/test_doctor schema/test_migrate lifecycle/test_killed
    """,
    "rows that were lost, and what notices or brings them back": """
        landing/test_landed_again migration/test_consistency migration/test_dual_write
    """,
    "batches that a restore took back": "lifecycle/test_handover lifecycle/test_spark_build",
    "what a former version landed, in its schema or by its rules": """
        landing/test_former_spellings landing/test_markets lifecycle/conftest recovery/test_restore
        schema/test_upgrade
    """,
    "a column of a version to come": "lifecycle/test_export",
    "what was landed by another clock": "recovery/test_clock market/test_rules",
    "a writer that is none of ours, killed or in the midst of a copy": """
        lifecycle/test_compaction recovery/test_snapshot
    """,
    "a table named as one of raw is, of few columns": """
        publication/test_publish publication/test_publish_parts
    """,
    "the landed rows of another warehouse, or many times the same ones, whatever they say": """
        spark/test_parity trading/test_no_news
    """,
}


def test_rows_are_landed_but_where_landing_does_not_make_them() -> None:
    listed = {name for names in REASONS.values() for name in names.split()}
    found = {
        str(path.relative_to(TESTS).with_suffix(""))
        for path in TESTS.rglob("*.py")
        if path != Path(__file__) and BY_HAND.search(path.read_text())
    }
    assert found - listed == set(), "land these rows (testkit.land_text), or say why not"
    assert listed - found == set(), "these write nothing into raw by hand any more"
