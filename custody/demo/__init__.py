"""What the demo has in place of what a venue has to have: a chain, a keystore, an approver."""
