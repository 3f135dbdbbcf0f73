"""What each member had, what moved, and what it owes or is owed, between two cut-offs."""
