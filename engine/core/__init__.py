"""The matching core: a function of the journal alone."""
