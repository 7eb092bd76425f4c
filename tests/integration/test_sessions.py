"""A session of the local user pool: sign-in, refresh, a change of groups, and every way to sign out."""

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest

from resolvers.identity.membership import KEPT_FOR
from tests.integration.conftest import CREATE_USER, Cloud, Server
from workflows.deployment.local.user_pool import LocalUserPool
from workflows.deployment.target import use_local_cloud

PASSWORD = "a-password-of-their-own-1"  # noqa: S105 — of a user who exists in this test only
ME = "query Me($id: ID!) { getUser(id: $id) { id } }"
RECONCILE = "mutation { reconcileBalances { __typename } }"
SIGN_OUT = "mutation ($input: SignOutEverywhereInput!) { signOutEverywhere(input: $input) { id } }"
UPDATE = "mutation ($input: UpdateUserInput!) { updateUser(input: $input) { id } }"


class Session:
    """A user of the pool of a running server, signed in as an app does it."""

    def __init__(self, server: Server, cognito: Any, pool: LocalUserPool) -> None:
        self.server, self.cognito, self.pool = server, cognito, pool.id
        self.client = pool.client
        self.name = f"dora-{uuid4().hex[:8]}"
        self.email = f"{self.name}@example.org"
        self.named = {"UserPoolId": pool.id, "Username": self.email}
        attributes = {"email": self.email, "email_verified": "true", "preferred_username": self.name}
        listed = [{"Name": name, "Value": value} for name, value in attributes.items()]
        cognito.admin_create_user(**self.named, UserAttributes=listed)
        cognito.admin_set_user_password(**self.named, Password=PASSWORD, Permanent=True)

    def _authenticate(self, flow: str, **parameters: str) -> dict[str, Any]:
        given = self.cognito.initiate_auth(ClientId=self.client, AuthFlow=flow, AuthParameters=parameters)
        return dict(given["AuthenticationResult"])

    def sign_in(self) -> dict[str, Any]:
        return self._authenticate("USER_PASSWORD_AUTH", USERNAME=self.email, PASSWORD=PASSWORD)

    def refreshed(self, tokens: dict[str, Any]) -> str:
        return str(self._authenticate("REFRESH_TOKEN_AUTH", REFRESH_TOKEN=tokens["RefreshToken"])["AccessToken"])

    @property
    def sub(self) -> str:
        user = self.cognito.admin_get_user(**self.named)
        return str(next(one["Value"] for one in user["UserAttributes"] if one["Name"] == "sub"))

    def ask(self, token: str, query: str, **variables: Any) -> tuple[int, str | None]:
        """Return the status of an answer, and the type of its error."""
        body = {"query": query, "variables": variables}
        answer = httpx.post(f"{self.server.url}/graphql", json=body, headers={"Authorization": token}, timeout=30)
        errors = answer.json().get("errors")
        return answer.status_code, errors[0]["errorType"] if errors else None

    def join(self, token: str) -> None:
        profile = {
            "id": self.sub,
            "email": self.email,
            "username": self.name,
            "firstName": "Dora",
            "lastName": "Tester",
            "bankHours": 0.0,
            "skills": [],
            "rating": 0.0,
            "totalTransactions": 0,
        }
        assert self.ask(token, CREATE_USER, input=profile) == (200, None)


@pytest.fixture
def session(server: Server) -> Iterator[Session]:
    with pytest.MonkeyPatch.context() as patch:
        cloud = Cloud.of(server.directory)
        for name, value in cloud.environment.items():
            patch.setenv(name, value)
        pool = LocalUserPool.find_or_make(use_local_cloud(server.directory))
        yield Session(server, cloud.client("cognito-idp"), pool)


ADMITTED, REFUSED, GONE = (200, None), (200, "Unauthorized"), (401, "UnauthorizedException")


def becomes(session: Session, token: str, expected: tuple[int, str | None]) -> None:
    """Assert that a token gets this answer within the time for which a member is remembered."""
    end = time.monotonic() + KEPT_FOR + 1
    while (found := session.ask(token, UPDATE, input={"id": session.sub, "bio": "x"})) != expected:
        assert time.monotonic() < end, found
        time.sleep(0.2)


def test_a_session_is_refreshed_and_a_change_of_groups_counts_from_the_next_token(session: Session) -> None:
    tokens = session.sign_in()
    session.join(tokens["AccessToken"])
    session.cognito.admin_add_user_to_group(**session.named, GroupName="admin")
    assert session.ask(tokens["AccessToken"], RECONCILE) == REFUSED
    promoted = session.refreshed(tokens)
    assert session.ask(promoted, RECONCILE) == ADMITTED
    session.cognito.admin_remove_user_from_group(**session.named, GroupName="admin")
    assert session.ask(session.refreshed(tokens), RECONCILE) == REFUSED
    for kind in ("AccessToken", "IdToken"):
        assert session.ask(tokens[kind], ME, id=session.sub) == ADMITTED


def test_signing_out_everywhere_ends_what_cognito_cannot(session: Session) -> None:
    tokens = session.sign_in()
    token = tokens["AccessToken"]
    session.join(token)
    session.cognito.global_sign_out(AccessToken=token)
    with pytest.raises(session.cognito.exceptions.NotAuthorizedException):
        session.refreshed(tokens)
    # On AWS, too, a token that was given out stays valid for whoever only checks its signature.
    assert session.ask(token, ME, id=session.sub) == ADMITTED
    assert session.ask(token, SIGN_OUT, input={"userId": str(uuid4())}) == REFUSED
    assert session.ask(token, SIGN_OUT, input={"userId": session.sub}) == ADMITTED
    becomes(session, token, GONE)
    revoked = jwt.decode(token, options={"verify_signature": False})["iat"]
    while time.time() < revoked + 1:  # tokens of the very second are refused, too
        time.sleep(0.1)
    time.sleep(1)
    assert session.ask(session.sign_in()["AccessToken"], ME, id=session.sub) == ADMITTED


def test_an_admin_ends_a_members_sessions_and_their_membership(session: Session, token_for: Any) -> None:
    token, admin = session.sign_in()["AccessToken"], token_for("admin", "admin")
    session.join(token)
    assert session.ask(admin, UPDATE, input={"id": session.sub, "isActive": False}) == ADMITTED
    becomes(session, token, REFUSED)
    assert session.ask(admin, UPDATE, input={"id": session.sub, "isActive": True}) == ADMITTED
    becomes(session, token, ADMITTED)
    assert session.ask(admin, SIGN_OUT, input={"userId": session.sub}) == ADMITTED
    becomes(session, token, GONE)
