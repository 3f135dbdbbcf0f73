"""The travel rule beside a venue: what custody asks, and its command."""
