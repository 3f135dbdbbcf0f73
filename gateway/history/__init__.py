"""Trades and candles as daily Parquet files, folded from the journal by a process of its own."""
