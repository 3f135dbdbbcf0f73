"""Custody: ledger, wallets, chains. Built by later releases; reads the journal only."""
