"""Policy: what may leave, on whose word."""
