"""Onboarding of institutions: who is a customer, who decided it, on what. Pure."""
