"""What a server process needs around the app: listener, certificate, health checks, settings, demo data."""
