"""Puts our answers of user pools in the place of MiniStack's, in the local cloud's process.

MiniStack 1.4 takes any code and any proof of a password, lets a client set its own `sub`, reads tokens without
looking at their signatures, and stores passwords as they are. `tests/integration/test_local_user_pool.py` also
runs MiniStack as released, and fails when it does one of these things as AWS does.
"""

# ruff: noqa: SLF001 — the functions and stores of MiniStack are private; it has no public ones

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import cognito

from workflows.deployment.local import sent_codes
from workflows.deployment.local.user_pools import accounts, attributes, joining, passwords, signing_in
from workflows.deployment.local.user_pools.pool import Answer, Challenges, Pool, Request, User
from workflows.deployment.local.user_pools.refusals import RefusedError, invalid, not_authorized
from workflows.deployment.local.user_pools.tokens import Signer

Response = tuple[int, dict[str, str], Any]

# What clients call, naming their app client.
_OF_A_CLIENT: Mapping[str, Callable[[Pool, Request], Answer]] = {
    "SignUp": joining.sign_up,
    "ConfirmSignUp": joining.confirm_sign_up,
    "ResendConfirmationCode": joining.resend_confirmation_code,
    "InitiateAuth": signing_in.initiate_auth,
    "RespondToAuthChallenge": signing_in.respond_to_auth_challenge,
    "GetTokensFromRefreshToken": signing_in.get_tokens_from_refresh_token,
    "AdminInitiateAuth": signing_in.initiate_auth,
    "AdminRespondToAuthChallenge": signing_in.respond_to_auth_challenge,
    "ForgotPassword": accounts.forgot_password,
    "ConfirmForgotPassword": accounts.confirm_forgot_password,
    "RevokeToken": accounts.revoke_token,
}
# What clients call with an access token.
_OF_A_USER: Mapping[str, Callable[[Pool, Request], Answer]] = {
    "GetUser": accounts.get_user,
    "UpdateUserAttributes": accounts.update_user_attributes,
    "ChangePassword": accounts.change_password,
    "GlobalSignOut": accounts.global_sign_out,
    "DeleteUser": accounts.delete_user,
}
# What administrators call, naming the pool.
_OF_AN_ADMINISTRATOR: Mapping[str, Callable[[Pool, Request], Answer]] = {
    "AdminDeleteUser": accounts.admin_delete_user,
    "AdminResetUserPassword": accounts.admin_reset_user_password,
    "AdminUserGlobalSignOut": accounts.admin_user_global_sign_out,
}
_ANSWERS = {**_OF_A_CLIENT, **_OF_A_USER, **_OF_AN_ADMINISTRATOR}

# MiniStack answers each call in a thread of its own.
changing = threading.RLock()
_challenges = Challenges()
_upstream: Callable[..., Response] = cognito._run_idp_handler


def run_idp_handler(handler: Callable[[Request], Response], action: str, request: dict[str, Any]) -> Response:
    """Answer a call to a user pool: ours to answer, or MiniStack's, whose passwords are hashed at once."""
    with changing:
        if (answer := _ANSWERS.get(action)) is None:
            response: Response = _upstream(handler, action, request)
            _hash_passwords(request)
            return response
        try:
            return _as_response(json_response(answer(_pool_of(action, request), request)))
        except RefusedError as refused:
            return _as_response(error_response_json(refused.code, refused.message, 400))


def _as_response(response: Any) -> Response:
    status, headers, body = response
    return status, headers, body


def _pool_of(action: str, request: dict[str, Any]) -> Pool:
    """Return the pool that a call is for.

    Raises:
        RefusedError: there is none.
    """
    cognito._pin_unsigned_idp_scope(request)
    client: Mapping[str, Any] = {}
    if action in _OF_A_CLIENT:
        stored = cognito._pool_for_client(request.get("ClientId"))[0]
        if stored is None:
            raise RefusedError("ResourceNotFoundException", "User pool client does not exist.")
        client = stored["_clients"][request["ClientId"]]
        if request.get("UserPoolId", stored["Id"]) != stored["Id"]:
            raise invalid("The app client belongs to another user pool.")
    elif action in _OF_A_USER:
        stored = cognito._user_pools.get(cognito._pool_id_from_token(request.get("AccessToken", "")))
        if stored is None:
            raise not_authorized("Invalid Access Token")
    else:
        stored = cognito._user_pools.get(request.get("UserPoolId"))
        if stored is None:
            raise RefusedError("ResourceNotFoundException", "User pool does not exist.")
    signer = Signer(cognito._RSA_PRIVATE_KEY, cognito._JWKS_KEY["kid"])
    return Pool(stored, client, signer, _challenges, sent_codes.announce, time.time())


def _hash_passwords(request: Request) -> None:
    """Hash the password that an administrator has set."""
    stored = cognito._user_pools.get(request.get("UserPoolId"))
    for user in stored["_users"].values() if stored else ():
        if "_password" in user:
            passwords.store(stored, user, user["_password"])


def resolve_user(pool: dict[str, Any], username: object) -> tuple[User | None, Response | None]:
    """Return the user whom a name stands for, in any case, or MiniStack's answer that there is none."""
    user = attributes.find(pool, username)
    if user is not None:
        return user, None
    return None, _as_response(error_response_json("UserNotFoundException", "User does not exist.", 400))


def apply() -> None:
    """Install the mends in this process."""
    cognito._run_idp_handler = run_idp_handler
    cognito._resolve_user = resolve_user
