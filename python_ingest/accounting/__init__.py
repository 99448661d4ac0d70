"""Average-cost accounting: the one step that SQL cannot fold."""
