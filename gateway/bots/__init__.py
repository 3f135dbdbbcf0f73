"""The demo's two traders: real FIX members that make `make run` a living market."""
