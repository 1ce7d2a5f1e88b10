"""Local stand-ins of the services, on real sockets, that misbehave as the real ones do."""
