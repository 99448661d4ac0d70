"""Cold files beyond their policy's days, in the archive's store and back."""
