"""Intents that people decide on by the policy, and that are then carried out."""
