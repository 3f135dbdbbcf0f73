"""Custody: whose money is where. So far the ledger; wallets and chains come."""
