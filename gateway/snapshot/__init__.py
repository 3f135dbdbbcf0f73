"""The snapshot process: a reader that folds the journal, checks core, and shortens recovery."""
