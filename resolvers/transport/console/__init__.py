"""The console for browsers."""
