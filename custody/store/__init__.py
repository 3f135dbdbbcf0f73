"""Custody's tables: SQLite by default, PostgreSQL by URL."""
