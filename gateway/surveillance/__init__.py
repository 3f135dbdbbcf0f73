"""Surveillance beside a venue: who runs the rules, where alerts become cases, and its commands."""
