"""`fixgate vault`."""
