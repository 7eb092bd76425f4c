"""Mutation testing of the code that moves hours: every small change of it must be noticed by its tests.

A *mutant* is one such change. It is *caught* if a test fails with it, and *survives* if none does; `harmless.py`
explains the survivors that nobody could notice.
"""
