"""Rates that no test meets."""

from models.limits import declared_limits
from resolvers.rates.limits import RateLimits
from resolvers.rates.rates import Rates

NO_LIMITS = dict.fromkeys(declared_limits(RateLimits), 10**12) | {
    "start_interval": 0,
    "servers": 1,
    "shared_parts": 0,
    "callers": 10_000,
}

# The variables that set the limits as they are by default, for servers of the tests, which otherwise have none.
DEFAULT_RATES = {
    f"HOURBANK_RATE_{name.upper()}": str(field.default) for name, (field, _) in declared_limits(RateLimits).items()
}


def without_limits() -> Rates:
    """Return rates that are never met."""
    return Rates(RateLimits(**NO_LIMITS))
