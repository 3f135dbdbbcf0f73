"""The double-entry ledger: what money is whose, and why. Pure."""
