"""Writes an app's rows so that the rules beside its schema stay true: each change is one transaction."""
