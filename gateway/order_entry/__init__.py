"""Order entry: FIX messages to commands, events to reports, and the trio shell around them."""
