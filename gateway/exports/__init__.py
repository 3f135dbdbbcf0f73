"""`fixgate export`."""
