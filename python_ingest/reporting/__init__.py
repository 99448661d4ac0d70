"""The report page, and the comparison of rows before and after a change of the models."""
