"""Wallets: addresses of deposits, of the treasury, and what moves between them."""
