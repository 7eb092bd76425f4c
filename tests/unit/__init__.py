"""Pure rules and single modules: no process, no network."""
