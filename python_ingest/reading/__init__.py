"""What readers use: the published file and queries on it."""
