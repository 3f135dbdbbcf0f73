"""Outgoing transactions: a nonce for each, as many signed forms as it takes, one that is final."""
