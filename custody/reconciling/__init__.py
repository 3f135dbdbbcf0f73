"""Whether the books say what the engine says, and what the chain has."""
