"""Average-cost accounting: the one computation that is done outside SQL."""
