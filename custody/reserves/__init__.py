"""Proof of reserves: what the venue owes, so that each member can check that it was counted."""
