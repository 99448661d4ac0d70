"""From warm to cold: retention, archive, compaction."""
