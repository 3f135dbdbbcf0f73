"""Chains: what is asked of one, its nodes, and how many of those have to agree."""
