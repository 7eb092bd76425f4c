"""How many connections the process can hold, given how many files it may open."""

import resource
from pathlib import Path

from resolvers.hosting.connections.limits import ConnectionLimits

# With fewer, nobody would be served even though the process starts.
_FEWEST = 16


def room(limits: ConnectionLimits) -> int:
    """Raise the limit of open files as far as allowed, and return how many connections fit below it.

    What is open already, and what AWS and files will need, is left out.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.descriptors if hard == resource.RLIM_INFINITY else min(limits.descriptors, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    if soft == resource.RLIM_INFINITY:
        return limits.total
    return max(_FEWEST, min(limits.total, soft - limits.reserved - _open_now()))


def _open_now() -> int:
    listed = Path("/proc/self/fd")
    return sum(1 for _ in listed.iterdir()) if listed.exists() else 0
