"""What the market shows to everybody, folded from events: books, trades, candles. Pure."""
