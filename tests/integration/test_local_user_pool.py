"""Where we patched MiniStack's user pools they do as Cognito does; once MiniStack does so, a patch can go."""

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from tests.integration.bare_clouds import FUNCTIONS, SETTINGS, Cloud
from tests.integration.polling import comes_true
from tests.unit.workflows.deployment.local.user_pools.srp_client import SrpClient
from workflows.deployment.local.function_host import FunctionHost
from workflows.deployment.local.user_pool import _APP, _POOL

CAUGHT_UP = "MiniStack does as AWS does by itself now: this mend can go"
PASSWORD, OTHER = "the first one", "another one"
SOON = 20.0
_DONE = "done"


class Users:
    """A user pool of a cloud, and an app that signs users up and in."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.cognito = cloud.client("cognito-idp")
        self.pool = self.cognito.create_user_pool(PoolName=f"p-{uuid4().hex}", **_POOL)["UserPool"]["Id"]
        made = self.cognito.create_user_pool_client(UserPoolId=self.pool, ClientName="app", **_APP)
        self.client = made["UserPoolClient"]["ClientId"]
        self.name = f"dora-{uuid4().hex[:8]}"
        self.email = f"{self.name}@example.org"

    def call(self, operation: str, **given: Any) -> Any:
        """Call Cognito, as an app client if the operation is one of those."""
        if "AccessToken" not in given and not operation.startswith("admin_"):
            given["ClientId"] = self.client
        return getattr(self.cognito, operation)(**given)

    def outcome(self, operation: str, **given: Any) -> str:
        """Call Cognito, and return the name of its error, if any."""
        try:
            self.call(operation, **given)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return _DONE

    def codes(self) -> list[str]:
        """Return the codes that were sent; MiniStack as released sends fixed ones, by mail."""
        if not self.cloud.mended:
            return ["123456"]
        log = (self.cloud.directory / "cloud.log").read_text()
        return re.findall(rf"Code for {self.email}: (\d+)", log)

    def wrong_code(self) -> str:
        return "000000" if self.codes()[-1] != "000000" else "000001"

    def sign_up(self, **attributes: str) -> None:
        described = {"email": self.email, "preferred_username": self.name, **attributes}
        listed = [{"Name": name, "Value": value} for name, value in described.items()]
        self.call("sign_up", Username=self.email, Password=PASSWORD, UserAttributes=listed)

    def join(self) -> None:
        self.sign_up()
        self.call("confirm_sign_up", Username=self.email, ConfirmationCode=self.codes()[-1])

    def begin(self, username: str, password: str = PASSWORD) -> dict[str, str]:
        """Return what an InitiateAuth with a password needs."""
        return {"AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": {"USERNAME": username, "PASSWORD": password}}  # type: ignore[dict-item]

    def tokens(self) -> dict[str, str]:
        return dict(self.call("initiate_auth", **self.begin(self.email))["AuthenticationResult"])

    def refreshed(self, token: str) -> str:
        given = {"AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": {"REFRESH_TOKEN": token}}
        both = {
            self.outcome("initiate_auth", **given),
            self.outcome("get_tokens_from_refresh_token", RefreshToken=token),
        }
        return "/".join(sorted(both))

    def srp(self, username: str, password: str) -> str:
        """Sign in with the proof of a password, and return what comes of it."""
        client = SrpClient(self.pool, password)
        parameters = {"USERNAME": username, "SRP_A": client.public}
        challenge = self.call("initiate_auth", AuthFlow="USER_SRP_AUTH", AuthParameters=parameters)
        answer = client.answer(challenge["ChallengeParameters"])
        return self.outcome(
            "respond_to_auth_challenge", ChallengeName="PASSWORD_VERIFIER", ChallengeResponses=answer
        )


def a_wrong_code_confirms_nothing(users: Users) -> list[str]:
    users.sign_up()
    wrong = users.outcome("confirm_sign_up", Username=users.email, ConfirmationCode=users.wrong_code())
    before = users.outcome("initiate_auth", **users.begin(users.email))
    right = users.outcome("confirm_sign_up", Username=users.email, ConfirmationCode=users.codes()[-1])
    again = users.outcome("confirm_sign_up", Username=users.email, ConfirmationCode=users.codes()[-1])
    return [wrong, before, right, again]


def codes_cannot_be_guessed(users: Users) -> list[str]:
    users.sign_up()
    guesses = [
        users.outcome("confirm_sign_up", Username=users.email, ConfirmationCode=users.wrong_code())
        for _ in range(6)
    ]
    return [guesses[0], guesses[-1]]


def codes_cannot_be_asked_for_without_end(users: Users) -> list[str]:
    users.join()
    asked = [users.outcome("forgot_password", Username=users.email) for _ in range(6)]
    return [asked[0], asked[-1]]


def a_password_is_reset_by_the_right_code_once(users: Users) -> list[str]:
    users.join()
    users.call("forgot_password", Username=users.name)
    reset = {"Username": users.email, "Password": OTHER}
    wrong = users.outcome("confirm_forgot_password", **reset, ConfirmationCode=users.wrong_code())
    kept = users.srp(users.email, PASSWORD)
    right = users.outcome("confirm_forgot_password", **reset, ConfirmationCode=users.codes()[-1])
    again = users.outcome("confirm_forgot_password", **reset, ConfirmationCode=users.codes()[-1])
    return [wrong, kept, right, again, users.srp(users.email, PASSWORD), users.srp(users.email, OTHER)]


def the_proof_of_a_password_counts(users: Users) -> list[str]:
    users.join()
    return [
        users.srp(users.email, PASSWORD),
        users.srp(users.name, PASSWORD),
        users.srp(users.name.upper(), PASSWORD),
        users.srp(users.email, OTHER),
        users.srp("nobody@example.org", PASSWORD),
    ]


def names_have_no_case(users: Users) -> list[str]:
    users.join()
    names = (users.email.upper(), users.name.upper())
    taken = users.outcome("sign_up", Username=users.email.title(), Password=PASSWORD)
    return [taken, *(users.outcome("initiate_auth", **users.begin(name)) for name in names)]


def nobody_learns_who_has_an_account(users: Users) -> list[str]:
    nobody = "nobody@example.org"
    return [
        users.outcome("initiate_auth", **users.begin(nobody)),
        users.outcome("forgot_password", Username=nobody),
        users.outcome("resend_confirmation_code", Username=nobody),
        users.outcome("resend_confirmation_code", Username="nobody"),
        users.outcome("confirm_sign_up", Username=nobody, ConfirmationCode="1"),
    ]


def passwords_cannot_be_guessed(users: Users) -> str:
    users.join()
    for _ in range(7):
        users.outcome("initiate_auth", **users.begin(users.email, OTHER))
    return users.outcome("initiate_auth", **users.begin(users.email))


def the_old_password_is_asked_for(users: Users) -> list[str]:
    users.join()
    access = users.tokens()["AccessToken"]
    change = {"AccessToken": access, "ProposedPassword": OTHER}
    return [
        users.outcome("change_password", **change, PreviousPassword=OTHER),
        users.outcome("change_password", **change, PreviousPassword=PASSWORD),
        users.outcome("initiate_auth", **users.begin(users.email, OTHER)),
    ]


def a_client_cannot_become_somebody_else(users: Users) -> list[str]:
    listed = [{"Name": "sub", "Value": str(uuid4())}]
    first = users.outcome("sign_up", Username=users.email, Password=PASSWORD, UserAttributes=listed)
    users.email = f"x{users.email}"
    users.join()
    access = users.tokens()["AccessToken"]
    return [
        first,
        users.outcome("update_user_attributes", AccessToken=access, UserAttributes=listed),
        users.outcome(
            "update_user_attributes",
            AccessToken=access,
            UserAttributes=[{"Name": "preferred_username", "Value": "alice@example.org"}],
        ),
    ]


def a_forged_token_is_refused(users: Users) -> list[str]:
    users.join()
    access = users.tokens()["AccessToken"]
    claims = jwt.decode(access, options={"verify_signature": False})
    stranger = generate_private_key(public_exponent=65537, key_size=2048)
    forged = jwt.encode(claims, stranger, algorithm="RS256", headers=jwt.get_unverified_header(access))
    operations = ("get_user", "global_sign_out", "delete_user")
    return [users.outcome("get_user", AccessToken=access)] + [
        users.outcome(operation, AccessToken=forged) for operation in operations
    ]


def a_session_ends_when_its_user_says_so(users: Users) -> list[str]:
    users.join()
    one, two, three = users.tokens(), users.tokens(), users.tokens()
    before = users.refreshed(one["RefreshToken"])
    users.call("revoke_token", Token=one["RefreshToken"])
    revoked, untouched = users.refreshed(one["RefreshToken"]), users.refreshed(two["RefreshToken"])
    users.call("global_sign_out", AccessToken=two["AccessToken"])
    gone = users.outcome("get_user", AccessToken=two["AccessToken"])
    return [before, revoked, untouched, users.refreshed(three["RefreshToken"]), gone]


def nonsense_refreshes_nothing(users: Users) -> str:
    users.join()
    return users.refreshed("nonsense")


def sign_in_pages_give_no_tokens(users: Users) -> int:
    users.join()
    given = {"client_id": users.client, "grant_type": "anything"}
    return httpx.post(f"{users.cloud.endpoint}/oauth2/token", data=given).status_code


def a_challenge_is_answered_by_whoever_was_asked(users: Users) -> list[str]:
    administered = {"UserPoolId": users.pool, "Username": users.email}
    users.call("admin_create_user", **administered, TemporaryPassword=PASSWORD)
    users.name = users.email
    asked = users.call("initiate_auth", **users.begin(users.email))
    answer = {"USERNAME": asked["ChallengeParameters"]["USER_ID_FOR_SRP"], "NEW_PASSWORD": OTHER}
    response = {"ChallengeName": "NEW_PASSWORD_REQUIRED", "ChallengeResponses": answer}
    return [
        users.outcome("respond_to_auth_challenge", **response, Session="A" * 40),
        users.outcome("respond_to_auth_challenge", **response, Session=asked["Session"]),
        users.srp(users.email, OTHER),
        users.srp(users.email, PASSWORD),
    ]


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cloud, Cloud]]:
    """Yield our cloud, and MiniStack as released."""
    file = tmp_path_factory.mktemp("host") / "functions.json"
    with FunctionHost(SETTINGS.names, file, functions=FUNCTIONS) as host:
        mended = Cloud(tmp_path_factory.mktemp("mended"), host, mended=True)
        upstream = Cloud(tmp_path_factory.mktemp("upstream"), host, mended=False)
        yield mended, upstream
        upstream.stop()
        mended.stop()


MISMATCH, EXPIRED, LIMIT = "CodeMismatchException", "ExpiredCodeException", "LimitExceededException"
REFUSED, UNCONFIRMED = "NotAuthorizedException", "UserNotConfirmedException"


@pytest.mark.parametrize(
    ("scenario", "as_on_aws"),
    [
        (a_wrong_code_confirms_nothing, [MISMATCH, UNCONFIRMED, _DONE, REFUSED]),
        (codes_cannot_be_guessed, [MISMATCH, LIMIT]),
        (codes_cannot_be_asked_for_without_end, [_DONE, LIMIT]),
        (a_password_is_reset_by_the_right_code_once, [MISMATCH, _DONE, _DONE, EXPIRED, REFUSED, _DONE]),
        (the_proof_of_a_password_counts, [_DONE, _DONE, _DONE, REFUSED, REFUSED]),
        (names_have_no_case, ["UsernameExistsException", _DONE, _DONE]),
        (nobody_learns_who_has_an_account, [REFUSED, _DONE, _DONE, _DONE, EXPIRED]),
        (passwords_cannot_be_guessed, REFUSED),
        (the_old_password_is_asked_for, [REFUSED, _DONE, _DONE]),
        (a_client_cannot_become_somebody_else, [REFUSED, REFUSED, "InvalidParameterException"]),
        (a_forged_token_is_refused, [_DONE, REFUSED, REFUSED, REFUSED]),
        (a_session_ends_when_its_user_says_so, [_DONE, REFUSED, _DONE, REFUSED, REFUSED]),
        (nonsense_refreshes_nothing, REFUSED),
        (sign_in_pages_give_no_tokens, 403),
        (a_challenge_is_answered_by_whoever_was_asked, [REFUSED, _DONE, _DONE, REFUSED]),
    ],
)
def test_a_mend_is_as_on_aws_and_still_needed(
    clouds: tuple[Cloud, Cloud], scenario: Callable[[Users], Any], as_on_aws: object
) -> None:
    def tried(cloud: Cloud) -> Any:
        try:
            return scenario(Users(cloud))
        except ClientError as error:  # MiniStack as released may not even get that far
            return error.response["Error"]["Code"]

    with ThreadPoolExecutor(2) as pool:
        ours, theirs = pool.map(tried, clouds)
    assert ours == as_on_aws
    assert theirs != as_on_aws, CAUGHT_UP


def test_no_password_is_kept_in_the_clear(clouds: tuple[Cloud, Cloud]) -> None:
    secret = f"secret-{uuid4().hex}"
    for cloud in clouds:
        users = Users(cloud)
        users.call("sign_up", Username=users.email, Password=secret)
        administered = {"UserPoolId": users.pool, "Username": f"x{users.email}"}
        users.call("admin_create_user", **administered, TemporaryPassword=f"{secret}-1")
        users.call("admin_set_user_password", **administered, Password=f"{secret}-2", Permanent=True)
        assert users.outcome("initiate_auth", **users.begin(f"x{users.email}", f"{secret}-2")) == _DONE
        cloud.stop()
    kept = [secret in (cloud.directory / "state" / "cognito.json").read_text() for cloud in clouds]
    for cloud in clouds:
        cloud.start()
    assert kept == [False, True], CAUGHT_UP


def test_users_survive_a_restart_and_a_kill(clouds: tuple[Cloud, Cloud]) -> None:
    mended, _ = clouds
    users = Users(mended)
    users.join()
    refresh = users.tokens()["RefreshToken"]
    mended.stop()
    mended.start()
    users.cognito = mended.client("cognito-idp")
    assert users.srp(users.email, PASSWORD) == _DONE
    assert users.refreshed(refresh) == _DONE

    late = Users(mended)
    late.join()
    file = mended.directory / "state" / "cognito.json"

    def is_saved() -> bool:
        saved = json.loads(file.read_text())["payload"]["user_pools"]["data"]
        pools = [pool for pool in saved.values() if pool["Id"] == late.pool]
        return any(user["UserStatus"] == "CONFIRMED" for pool in pools for user in pool["_users"].values())

    assert comes_true(is_saved, within=SOON)
    there = mended._cloud._read_process()
    assert there
    os.kill(there.pid, signal.SIGKILL)
    mended.stop()
    mended.start()
    late.cognito = mended.client("cognito-idp")
    assert late.srp(late.name, PASSWORD) == _DONE


def test_tokens_are_as_cognito_makes_them(clouds: tuple[Cloud, Cloud]) -> None:
    mended, _ = clouds
    users = Users(mended)
    users.join()
    users.cognito.create_group(UserPoolId=users.pool, GroupName="admin")
    users.call("admin_add_user_to_group", UserPoolId=users.pool, Username=users.name, GroupName="admin")
    tokens = users.tokens()
    key = jwt.PyJWKClient(f"{mended.endpoint}/{users.pool}/.well-known/jwks.json").get_signing_key_from_jwt(
        tokens["AccessToken"]
    )
    issuer = f"https://cognito-idp.{SETTINGS.region}.amazonaws.com/{users.pool}"
    access = jwt.decode(tokens["AccessToken"], key, algorithms=["RS256"], issuer=issuer)
    known = jwt.decode(tokens["IdToken"], key, algorithms=["RS256"], issuer=issuer, audience=users.client)
    assert (access["token_use"], access["client_id"], access["cognito:groups"]) == (
        "access",
        users.client,
        ["admin"],
    )
    assert (known["token_use"], known["email"], known["email_verified"]) == ("id", users.email, True)
    assert known["preferred_username"] == users.name
    assert access["sub"] == access["username"] == known["cognito:username"]
    assert access["origin_jti"] == known["origin_jti"]
    assert access["exp"] - access["iat"] == 3600


@pytest.mark.parametrize(
    ("origin", "status"), [("http://localhost:4200", 200), ("https://elsewhere.example", 403), ("null", 403)]
)
def test_a_page_of_this_machine_may_call_and_no_other(
    clouds: tuple[Cloud, Cloud], origin: str, status: int
) -> None:
    mended, _ = clouds
    users = Users(mended)
    target = "AWSCognitoIdentityProviderService.ResendConfirmationCode"
    headers = {"Origin": origin, "X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
    body = {"ClientId": users.client, "Username": users.email}
    answer = httpx.post(mended.endpoint, json=body, headers=headers)
    assert answer.status_code == status
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-amz-target",
    }
    before = httpx.options(mended.endpoint, headers=asked)
    assert ("access-control-allow-origin" in before.headers) == (status == 200)
