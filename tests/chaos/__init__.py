"""No hour is lost whatever fails: faults at every call, storms of faults, concurrent writers, kills and races.

Words: a *fault* is one thing that goes wrong with one call to AWS (`faults.py`); a *storm* is a run in which calls
fail at random for twenty minutes of virtual time (`simulation/test_storms.py`); a *scenario* is one way in which a
request goes from its creation to its end; a *kill scenario* is such a way while real processes are killed.
"""
