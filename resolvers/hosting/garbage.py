"""Python's collection of garbage, arranged for a server."""

import gc

# A collection of the young comes after so many new objects, one of the middle-aged after so many of the young, and
# one of the old, which keeps the event loop for up to 30 ms (for 120 ms with a thousand sockets), after so many of
# those. Requests leave little that only a collection frees, but a subscription that graphql-core runs leaves some
# 20 KB in cycles: with 5,000, 20 and 50, a server on which a hundred sockets a second came and went grew by 3 MB a
# second. These take 1 % more CPU.
_THRESHOLDS = 5_000, 5, 5


def keep_what_is_there() -> None:
    """Take what was made while the server started, above all the schema, out of every later collection.

    A full collection took 90 ms with it; what is left takes some 20 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
