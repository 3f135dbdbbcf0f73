"""The audit log: a Merkle tree over the journal's records, signed, and proofs out of it."""
