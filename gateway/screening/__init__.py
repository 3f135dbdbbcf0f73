"""Screening beside a venue: its lists, what custody asks, and its command."""
