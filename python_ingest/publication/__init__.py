"""The published file: what analysts and dashboards open, replaced by rename."""
