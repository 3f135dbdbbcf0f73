"""Records for regulators, auditors and members: pure functions of the journal, in files that can be
derived again from the records under a signed checkpoint, byte by byte."""
