"""Bounded buffers and files between the pure session and the operating system."""
