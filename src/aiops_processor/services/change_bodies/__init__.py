"""Bodies that tell of changes, one file a sender."""
