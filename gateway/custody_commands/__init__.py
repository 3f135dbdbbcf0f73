"""Commands of custody: what people type."""
