"""Signing up: SignUp, ConfirmSignUp, ResendConfirmationCode."""

from uuid import uuid4

from workflows.deployment.local.user_pools import attributes, codes, passwords
from workflows.deployment.local.user_pools.codes import Purpose
from workflows.deployment.local.user_pools.pool import Answer, Pool, Request, pretended_delivery, text
from workflows.deployment.local.user_pools.refusals import RefusedError, invalid, not_authorized, too_often

_USERS = 10_000  # in one pool


def sign_up(pool: Pool, request: Request) -> Answer:
    """Make an account that its code must confirm; the user name is an e-mail address or a phone number."""
    username = text(request, "Username", 128)
    password = text(request, "Password", 4096)
    described = attributes.given(request.get("UserAttributes"))
    kind = attributes.kind_of_address(username)
    if described.setdefault(kind, username).casefold() != username.casefold():
        raise invalid(f"The user name and the attribute {kind} must be the same.")
    if pool.find(username):
        raise RefusedError("UsernameExistsException", "User already exists")
    attributes.check_free(pool.stored, described, but=None, code="UsernameExistsException")
    passwords.check_policy(pool.stored, password)
    if len(pool.stored["_users"]) >= _USERS:
        raise too_often()
    sub = str(uuid4())
    user = {
        "Username": sub,
        "Attributes": attributes.listed({"sub": sub, **described}),
        "UserCreateDate": pool.now,
        "UserLastModifiedDate": pool.now,
        "Enabled": True,
        "UserStatus": "UNCONFIRMED",
        "MFAOptions": [],
        "_groups": [],
    }
    passwords.store(pool.stored, user, password)
    pool.stored["_users"][sub] = user
    pool.stored["EstimatedNumberOfUsers"] = len(pool.stored["_users"])
    return {
        "UserConfirmed": False,
        "UserSub": sub,
        "CodeDeliveryDetails": pool.deliver(user, Purpose.SIGN_UP),
    }


def confirm_sign_up(pool: Pool, request: Request) -> Answer:
    """Confirm an account with its code, and its address with it."""
    user = pool.find(text(request, "Username"))
    if user is None:
        raise codes.expired_code()
    if user["UserStatus"] != "UNCONFIRMED":
        raise not_authorized(f"User cannot be confirmed. Current status is {user['UserStatus']}")
    codes.use(user, Purpose.SIGN_UP, text(request, "ConfirmationCode"), pool.now)
    described = attributes.of(user)
    kind = "email" if described.get("email") else "phone_number"
    user["Attributes"] = attributes.listed({**described, f"{kind}_verified": "true"})
    user["UserStatus"] = "CONFIRMED"
    pool.touch(user)
    return {}


def resend_confirmation_code(pool: Pool, request: Request) -> Answer:
    """Send another code; nobody learns by it who has an account."""
    username = text(request, "Username")
    user = pool.find(username)
    if user is None:
        return {"CodeDeliveryDetails": pretended_delivery(username)}
    if user["UserStatus"] != "UNCONFIRMED":
        raise invalid("User is already confirmed.")
    return {"CodeDeliveryDetails": pool.deliver(user, Purpose.SIGN_UP)}
