"""Onboarding of institutions, by command."""
