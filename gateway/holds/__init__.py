"""Holds on accounts, by command."""
