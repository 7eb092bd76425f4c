"""The demo's story, played through HTTP and the socket as an app would: `make demo`, and a test of its own."""
