"""Draws state machines from their definitions: the same definition always gives the same picture."""
