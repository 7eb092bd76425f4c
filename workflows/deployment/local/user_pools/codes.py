"""The codes that a user pool sends by e-mail or SMS: how long they hold, and how often one may guess or ask."""

import hmac
import secrets
from enum import StrEnum
from typing import Any

from workflows.deployment.local.user_pools.refusals import RefusedError, too_often

_HOUR = 3600.0
_DIGITS = 6
_WRONG_TRIES = 5  # of one code
_CODES_AN_HOUR = 5  # so that at most 25 of a million codes can be tried in an hour

User = dict[str, Any]


class Purpose(StrEnum):
    """What a code is for."""

    SIGN_UP = "sign-up"
    RESET = "reset"


# As long as Cognito's.
_VALID_FOR = {Purpose.SIGN_UP: 24 * _HOUR, Purpose.RESET: _HOUR}


def expired_code() -> RefusedError:
    """Return the refusal of a code that holds no longer, or that was never sent."""
    return RefusedError("ExpiredCodeException", "Invalid code provided, please request a code again.")


def issue(user: User, purpose: Purpose, now: float) -> str:
    """Give a user a new code, in place of the one before, and return it.

    Args:
        user: as stored; gets the code.
        purpose: what the code is for.
        now: epoch seconds.

    Raises:
        RefusedError: they have asked too often.
    """
    issued = user.setdefault("_codes", {})
    recent = [at for at in issued.get(purpose, {}).get("sent", ()) if at > now - _HOUR]
    if len(recent) >= _CODES_AN_HOUR:
        raise too_often()
    code = f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}}"
    issued[purpose.value] = {
        "code": code,
        "expires": now + _VALID_FOR[purpose],
        "wrong": 0,
        "sent": [*recent, now],
    }
    return code


def use(user: User, purpose: Purpose, code: str, now: float) -> None:
    """Use a code up; it is stored that it is.

    Args:
        user: as stored.
        purpose: what the code must be for.
        code: what the user typed.
        now: epoch seconds.

    Raises:
        RefusedError: the code is wrong, has expired or was used, or too many were tried.
    """
    issued = user.get("_codes", {}).get(purpose.value)
    if issued is None or issued["code"] is None or issued["expires"] <= now:
        raise expired_code()
    if issued["wrong"] >= _WRONG_TRIES:
        raise too_often()
    if not hmac.compare_digest(issued["code"].encode(), code.strip().encode()):
        issued["wrong"] += 1
        raise RefusedError("CodeMismatchException", "Invalid verification code provided, please try again.")
    issued["code"] = None
