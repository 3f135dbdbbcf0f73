"""Market data: what the public channels say, in JSON and in FIX."""
