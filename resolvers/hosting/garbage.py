"""Python's collection of garbage, arranged for a server."""

import gc

# Objects made beyond those that are gone before the youngest are looked at, and how many collections of one
# generation come before one of the next. Requests leave little that only a collection frees, and each look at the
# oldest generation keeps the event loop for up to 30 ms, so it is rare. Closed sockets leave some 20 KB each: with
# a third number of 50, the memory of a server that opens a hundred a second grew by 3 MB a second for minutes.
_THRESHOLDS = 5_000, 5, 5


def keep_what_is_there() -> None:
    """Take what was made while the server started, above all the schema, out of every later collection.

    A full collection took 90 ms with it; what is left takes some 20 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
