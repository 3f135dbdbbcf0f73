"""Transaction monitoring: alerts about money that moves, as a pure fold of the journal."""
