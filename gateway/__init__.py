"""Everything with a socket: FIX sessions, order entry, drop copy, supervisor, command line."""
