"""What users do with their accounts, and administrators with users' accounts: passwords, attributes, the end."""

from workflows.deployment.local.user_pools import attributes, codes, passwords, tokens
from workflows.deployment.local.user_pools.codes import Purpose
from workflows.deployment.local.user_pools.pool import Answer, Pool, Request, User, pretended_delivery, text
from workflows.deployment.local.user_pools.refusals import RefusedError, invalid


def _caller(pool: Pool, request: Request) -> User:
    return tokens.user_of(pool.stored, request.get("AccessToken"), pool.signer, pool.now)


def get_user(pool: Pool, request: Request) -> Answer:
    """Return the caller's attributes."""
    user = _caller(pool, request)
    return {"Username": user["Username"], "UserAttributes": user["Attributes"]}


def update_user_attributes(pool: Pool, request: Request) -> Answer:
    """Change the caller's attributes, but for the addresses that a code has confirmed."""
    user = _caller(pool, request)
    described = attributes.of(user)
    wanted = attributes.given(request.get("UserAttributes"))
    for name in attributes.ADDRESSES:
        if name in wanted and wanted[name] != described.get(name, ""):
            raise invalid(
                f"A local user pool keeps the {name} that the account was made with; sign up with another."
            )
    attributes.check_free(pool.stored, wanted, but=user, code="AliasExistsException")
    user["Attributes"] = attributes.listed({**described, **wanted})
    pool.touch(user)
    return {"CodeDeliveryDetailsList": []}


def change_password(pool: Pool, request: Request) -> Answer:
    """Change the caller's password."""
    user = _caller(pool, request)
    password = text(request, "ProposedPassword", 4096)
    passwords.check(pool.stored, user, text(request, "PreviousPassword", 4096), pool.now)
    passwords.check_policy(pool.stored, password)
    passwords.store(pool.stored, user, password)
    pool.touch(user)
    return {}


def forgot_password(pool: Pool, request: Request) -> Answer:
    """Send a code with which the password can be reset; nobody learns by it who has an account."""
    username = text(request, "Username")
    user = pool.find(username)
    if user is None:
        return {"CodeDeliveryDetails": pretended_delivery(username)}
    if user["UserStatus"] == "UNCONFIRMED":
        raise invalid(
            "Cannot reset password for the user as there is no registered/verified email or phone_number"
        )
    return {"CodeDeliveryDetails": pool.deliver(user, Purpose.RESET)}


def confirm_forgot_password(pool: Pool, request: Request) -> Answer:
    """Reset the password with a code; all sessions end."""
    password = text(request, "Password", 4096)
    passwords.check_policy(pool.stored, password)
    user = pool.find(text(request, "Username"))
    if user is None:
        raise codes.expired_code()
    codes.use(user, Purpose.RESET, text(request, "ConfirmationCode"), pool.now)
    passwords.store(pool.stored, user, password)
    user["UserStatus"] = "CONFIRMED"
    tokens.end_sessions(pool.stored, user)
    pool.touch(user)
    return {}


def global_sign_out(pool: Pool, request: Request) -> Answer:
    """End all of the caller's sessions."""
    tokens.end_sessions(pool.stored, _caller(pool, request))
    return {}


def revoke_token(pool: Pool, request: Request) -> Answer:
    """End the session of a refresh token."""
    token = text(request, "Token", 4096)
    if token.count(".") > 1:
        raise RefusedError("UnsupportedTokenTypeException", "Only refresh tokens can be revoked.")
    tokens.end_session(pool.stored, pool.client, token, pool.now)
    return {}


def delete_user(pool: Pool, request: Request) -> Answer:
    """Delete the caller's account."""
    return _delete(pool, _caller(pool, request))


def admin_delete_user(pool: Pool, request: Request) -> Answer:
    """Delete a user's account."""
    return _delete(pool, pool.user(request))


def admin_reset_user_password(pool: Pool, request: Request) -> Answer:
    """Make a user reset their password, and send them the code for it."""
    user = pool.user(request)
    pool.deliver(user, Purpose.RESET)
    user["UserStatus"] = "RESET_REQUIRED"
    pool.touch(user)
    return {}


def admin_user_global_sign_out(pool: Pool, request: Request) -> Answer:
    """End all sessions of a user."""
    tokens.end_sessions(pool.stored, pool.user(request))
    return {}


def _delete(pool: Pool, user: User) -> Answer:
    tokens.end_sessions(pool.stored, user)
    del pool.stored["_users"][user["Username"]]
    pool.stored["EstimatedNumberOfUsers"] = len(pool.stored["_users"])
    return {}
