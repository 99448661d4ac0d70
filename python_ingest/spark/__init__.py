"""Apache Spark: what it reads of us, and what we take of its builds."""
