"""Ingress: where the processes beside core hand in commands."""
