"""Starts, resumes, completes and sweeps the executions of the state machines."""
