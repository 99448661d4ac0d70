"""The loader of the trading warehouse: the only code that writes schema `raw`."""
