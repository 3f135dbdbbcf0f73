"""The audit log's process loop, and `fixgate receipt`."""
