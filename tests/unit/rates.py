"""Rates that no test meets."""

from models.limits import declared_limits
from resolvers.rates.limits import RateLimits
from resolvers.rates.rates import Rates

NO_LIMITS = dict.fromkeys(declared_limits(RateLimits), 10**12) | {"start_interval": 0}


def without_limits() -> Rates:
    """Return rates that are never met."""
    return Rates(RateLimits(**NO_LIMITS))
