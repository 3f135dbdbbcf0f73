"""The double-entry ledger: what money is whose, and why. Pure; its stores are custody/store."""
