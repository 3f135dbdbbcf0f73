"""Sanctions screening: names and wallet addresses against the lists that an operator supplies."""
