"""What each process of the venue is made of: one file a process."""
