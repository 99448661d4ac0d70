"""Column lineage: of which columns each column is made, as the engine itself binds the SELECT."""
