"""What a checkout has beside the package: `pip install` does not bring it."""
