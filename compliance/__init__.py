"""Compliance: audit, surveillance, exports. Built by later releases; reads the journal only."""
