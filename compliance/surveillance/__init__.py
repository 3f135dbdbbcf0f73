"""Market surveillance: alerts as a pure fold of the journal under versioned rules."""
