"""Drop copy: every report of a member's sessions, read from the journal by cursor."""
