"""WebSocket (RFC 6455), the server's side, sans-IO: handshake, frames, an open connection."""
