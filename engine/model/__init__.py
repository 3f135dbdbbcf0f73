"""What the venue talks about: ids, money, commands, events, records. Pure."""
