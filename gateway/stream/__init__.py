"""Feeds over WebSocket: connections, who they are, and what they ask for."""
