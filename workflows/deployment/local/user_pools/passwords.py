"""Passwords: what a pool demands of them, how they are stored, and how often one may try."""

from collections.abc import Mapping
from typing import Any

from workflows.deployment.local.user_pools.refusals import RefusedError, not_authorized, wrong_password
from workflows.deployment.local.user_pools.srp import Verifier

User = dict[str, Any]

_LONGEST = 256
_SHORTEST = 8  # if the policy says nothing
_SYMBOLS = frozenset("^$*.[]{}()?-\"!@#%&/\\,><':;|_~`+= ")
# Five wrong passwords are free; the next costs a second, and each further one twice as much, as with Cognito.
_FREE_FAILURES = 5
_LONGEST_LOCK = 900.0


def check_policy(pool: Mapping[str, Any], password: str) -> None:
    """Check a new password against the pool's policy.

    Raises:
        RefusedError: the password is too weak or too long.
    """
    policy = pool.get("Policies", {}).get("PasswordPolicy", {})
    demands = (
        (len(password) >= policy.get("MinimumLength", _SHORTEST), "Password not long enough"),
        (len(password) <= _LONGEST, "Password too long"),
        (not policy.get("RequireUppercase") or any(map(str.isupper, password)), _must_have("uppercase")),
        (not policy.get("RequireLowercase") or any(map(str.islower, password)), _must_have("lowercase")),
        (not policy.get("RequireNumbers") or any(map(str.isdigit, password)), _must_have("numeric")),
        (not policy.get("RequireSymbols") or not _SYMBOLS.isdisjoint(password), _must_have("symbol")),
    )
    for is_met, message in demands:
        if not is_met:
            raise RefusedError("InvalidPasswordException", f"Password did not conform with policy: {message}")


def _must_have(kind: str) -> str:
    return f"Password must have {kind} characters"


def identity_of(pool: Mapping[str, Any], username: str) -> str:
    """Return a user's identity in the SRP protocol."""
    return str(pool["Id"]).partition("_")[2] + username


def store(pool: Mapping[str, Any], user: User, password: str) -> None:
    """Store a password so that it cannot be read."""
    user["_verifier"] = Verifier.of(identity_of(pool, user["Username"]), password).stored()
    user.pop("_password", None)
    user.pop("_failures", None)


def check(pool: Mapping[str, Any], user: User, password: str, now: float) -> None:
    """Check a user's password.

    Raises:
        RefusedError: it is wrong, or too many were.
    """
    check_lock(user, now)
    stored = user.get("_verifier")
    identity = identity_of(pool, user["Username"])
    count(user, now, right=stored is not None and Verifier.load(stored).matches(identity, password))


def check_lock(user: User, now: float) -> None:
    """Check that a user may try a password now.

    Raises:
        RefusedError: too many were wrong just before.
    """
    if user.get("_failures", {}).get("locked_until", 0) > now:
        raise not_authorized("Password attempts exceeded")


def count(user: User, now: float, *, right: bool) -> None:
    """Count a password that was tried.

    Raises:
        RefusedError: it was wrong.
    """
    if right:
        user.pop("_failures", None)
        return
    failures = user.get("_failures", {}).get("count", 0) + 1
    over = failures - _FREE_FAILURES
    lock = min(2.0 ** min(over, 10), _LONGEST_LOCK) if over > 0 else 0
    user["_failures"] = {"count": failures, "locked_until": now + lock}
    raise wrong_password()
