"""Deposits: coins that come to our addresses, until they are their owner's at the venue."""
