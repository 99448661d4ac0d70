"""The judgement on what was newly landed."""
