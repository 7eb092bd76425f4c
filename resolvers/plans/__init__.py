"""The fast path: queries of rows are compiled once for each document, and run without graphql-core.

`Planner.answer` is its one door. It gives exactly what graphql-core gives, or None: whatever is unusual about a
document, its variables or a row goes the ordinary way instead, before the client sees anything of it.
"""
