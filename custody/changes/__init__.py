"""Changes to what is allowed: addresses on the list, and the policy itself."""
