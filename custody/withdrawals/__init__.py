"""Withdrawals: from a request to coins that are gone for good, or to money that never left."""
