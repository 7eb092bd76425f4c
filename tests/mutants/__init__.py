"""The money's code, changed in every small way that would lose an hour; the tests must notice each of them."""
