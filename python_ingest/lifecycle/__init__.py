"""From warm to cold: the dbt plugin that exports, compaction, deleting what nobody needs."""
