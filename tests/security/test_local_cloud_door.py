"""The local cloud answers nobody but programs of this machine that know its credentials, and no page reads it."""

import json
import os
import stat
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Signer
from botocore.exceptions import ClientError

from models.settings import Settings
from resolvers.hosting.settings import LOCAL_ORIGINS
from tests.integration.conftest import Cloud, Server
from tests.security.measuring import Target
from tests.security.wire import exchange
from workflows.deployment.local import credentials as credentials_of_clouds
from workflows.deployment.local.function_host import Address
from workflows.deployment.local.private_files import keep_private

USERS = Settings().names.table
SCAN = "DynamoDB_20120810.Scan"
LIST = "DynamoDB_20120810.ListTables"
COGNITO = "AWSCognitoIdentityProviderService"
ELSEWHERE = "https://elsewhere.example"
OURS = LOCAL_ORIGINS[0]


def signed(cloud: Cloud, target: str = LIST, body: bytes = b"{}", **changes: str) -> dict[str, str]:
    """Return the headers of a signed request; `changes` are another access_key, secret or time."""
    environment = cloud.environment
    key = changes.get("access_key", environment["AWS_ACCESS_KEY_ID"])
    signer = Signer(key, changes.get("secret", environment["AWS_SECRET_ACCESS_KEY"]))
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": target}
    request = AWSRequest("POST", f"{cloud.endpoint}/", data=body, headers=headers)
    sigv4 = SigV4Auth(signer, "dynamodb", "us-east-1")
    if (when := changes.get("time")) is None:
        sigv4.add_auth(request)
    else:
        request.context["timestamp"] = when
        request.headers["X-Amz-Date"] = when
        sigv4._inject_signature_to_request(  # type: ignore[attr-defined]  # there is no public way
            request, sigv4.signature(sigv4.string_to_sign(request, sigv4.canonical_request(request)), request)
        )
    return dict(request.headers.items())


def post(cloud: Cloud, headers: Mapping[str, str], body: bytes = b"{}", path: str = "/") -> httpx.Response:
    return httpx.post(f"{cloud.endpoint}{path}", content=body, headers=headers, trust_env=False)


def code_of(answer: httpx.Response) -> str:
    """Return the code of a refusal, which no page may read."""
    assert answer.status_code == 403, answer.text
    assert "access-control-allow-origin" not in answer.headers
    return str(answer.json()["__type"])


def test_the_owner_of_the_credentials_is_answered(cloud: Cloud) -> None:
    assert "hourbank-User" in post(cloud, signed(cloud)).json()["TableNames"]
    assert cloud.client("dynamodb").list_tables()["TableNames"]
    assert cloud.client("cloudformation").describe_stacks()["Stacks"]
    assert cloud.client("stepfunctions").list_state_machines()["stateMachines"]


def _moved(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y%m%dT%H%M%SZ")


def test_another_signature_is_none(cloud: Cloud) -> None:
    good = signed(cloud)
    authorization = good["Authorization"]
    unsigned = {name: value for name, value in good.items() if name != "Authorization"}
    cases: dict[str, tuple[Mapping[str, str], bytes, str]] = {
        "none": (unsigned, b"{}", "MissingAuthenticationTokenException"),
        "basic": (unsigned | {"Authorization": "Basic YTpi"}, b"{}", "IncompleteSignatureException"),
        "a token": (unsigned | {"Authorization": "Bearer x"}, b"{}", "IncompleteSignatureException"),
        "version 2": (unsigned | {"Authorization": "AWS AKIA:x"}, b"{}", "IncompleteSignatureException"),
        "an account's number": (signed(cloud, access_key="0" * 12), b"{}", "UnrecognizedClientException"),
        "AWS's example": (signed(cloud, access_key="AKIAIOSFODNN7EXAMPLE"), b"{}", "UnrecognizedClientException"),
        "another secret": (signed(cloud, secret="local"), b"{}", "InvalidSignatureException"),  # noqa: S106
        "an empty secret": (signed(cloud, secret=""), b"{}", "InvalidSignatureException"),
        "another body": (good, b'{"Limit":1}', "InvalidSignatureException"),
        "another target": (good | {"X-Amz-Target": SCAN}, b"{}", "InvalidSignatureException"),
        "another header": (good | {"X-Amz-Else": "1"}, b"{}", "InvalidSignatureException"),
        "zeros": (
            good | {"Authorization": authorization[:-64] + "0" * 64},
            b"{}",
            "InvalidSignatureException",
        ),
        "cut off": (good | {"Authorization": authorization[:-1]}, b"{}", "IncompleteSignatureException"),
        "the host unsigned": (
            good | {"Authorization": authorization.replace("host;", "")},
            b"{}",
            "InvalidSignatureException",
        ),
        "long ago": (signed(cloud, time=_moved(-400)), b"{}", "InvalidSignatureException"),
        "in the future": (signed(cloud, time=_moved(400)), b"{}", "InvalidSignatureException"),
        "no time": (good | {"X-Amz-Date": "now"}, b"{}", "IncompleteSignatureException"),
    }
    assert {name: code_of(post(cloud, headers, body)) for name, (headers, body, _) in cases.items()} == {
        name: code for name, (_, _, code) in cases.items()
    }


async def test_a_header_that_stands_twice_does_not_change_what_was_signed(cloud: Cloud) -> None:
    headers = signed(cloud)
    twice = [*headers.items(), ("X-Amz-Target", SCAN)]
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(cloud.endpoint, content=b"{}", headers=twice)
        assert code_of(answer) == "InvalidSignatureException"
        opened = [("X-Amz-Target", f"{COGNITO}.InitiateAuth"), ("X-Amz-Target", LIST)]
        answer = await client.post(cloud.endpoint, content=b"{}", headers=opened)
        assert code_of(answer) == "MissingAuthenticationTokenException"


@pytest.mark.parametrize("service", ["dynamodb", "cloudformation", "stepfunctions", "lambda", "sts"])
def test_aws_clients_read_the_refusal_as_awss(cloud: Cloud, service: str) -> None:
    operations = {
        "dynamodb": "list_tables",
        "cloudformation": "list_stacks",
        "stepfunctions": "list_state_machines",
        "lambda": "list_functions",
        "sts": "get_caller_identity",
    }
    stranger = Cloud({**cloud.environment, "AWS_SECRET_ACCESS_KEY": "guessed"})
    with pytest.raises(ClientError) as refused:
        getattr(stranger.client(service), operations[service])()
    assert refused.value.response["Error"]["Code"] == "InvalidSignatureException"


@pytest.mark.parametrize(
    "host",
    [
        "rebound.example",
        "localhost.rebound.example",
        "bucket.localhost:4566",
        "127.0.0.1.nip.io",
        "127.0.0.1@rebound.example",
        "169.254.169.254",
        "0.0.0.0",  # noqa: S104 — the name that a page would use
        "[::1",
        "",
    ],
)
def test_another_host_name_is_refused_even_with_a_signature(cloud: Cloud, host: str) -> None:
    answer = post(cloud, signed(cloud) | {"Host": host})
    assert code_of(answer) == "AccessDeniedException"
    jwks = httpx.get(
        f"{cloud.endpoint}/us-east-1_x/.well-known/jwks.json", headers={"Host": host}, trust_env=False
    )
    assert jwks.status_code == 403


@pytest.mark.parametrize(
    "origin",
    [ELSEWHERE, "null", "http://localhost:9999", "http://localhost.elsewhere.example", "http://[nonsense", ""],
)
def test_a_page_from_elsewhere_reads_and_asks_nothing(cloud: Cloud, origin: str) -> None:
    page = {"Origin": origin}
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-amz-target"}
    answers = [
        httpx.options(cloud.endpoint, headers=page | preflight, trust_env=False),
        post(cloud, signed(cloud) | page),
        post(cloud, {"X-Amz-Target": f"{COGNITO}.InitiateAuth"} | page),
        httpx.get(f"{cloud.endpoint}/_ministack/health", headers=page, trust_env=False),
    ]
    assert {code_of(answer) for answer in answers} == {"AccessDeniedException"}


def test_a_page_of_this_machine_uses_the_user_pool_and_nothing_else(cloud: Cloud, home: Server) -> None:
    del home
    page = {"Origin": OURS, "Content-Type": "application/x-amz-json-1.1"}
    asked = httpx.options(
        cloud.endpoint, headers=page | {"Access-Control-Request-Method": "POST"}, trust_env=False
    )
    assert asked.headers["access-control-allow-origin"] == OURS
    client = _app_client(cloud)
    body = json.dumps(
        {
            "AuthFlow": "USER_PASSWORD_AUTH",
            "ClientId": client,
            "AuthParameters": {"USERNAME": "alice", "PASSWORD": "x"},
        }
    ).encode()
    answer = post(cloud, page | {"X-Amz-Target": f"{COGNITO}.InitiateAuth"}, body)
    assert (answer.status_code, answer.json()["__type"]) == (400, "NotAuthorizedException")
    assert answer.headers["access-control-allow-origin"] == OURS
    for target in (
        LIST,
        SCAN,
        f"{COGNITO}.ListUserPools",
        f"{COGNITO}.AdminGetUser",
        "AWSStepFunctions.ListStateMachines",
    ):
        assert code_of(post(cloud, page | {"X-Amz-Target": target})) == "MissingAuthenticationTokenException"


def _app_client(cloud: Cloud) -> str:
    cognito = cloud.client("cognito-idp")
    (pool,) = cognito.list_user_pools(MaxResults=10)["UserPools"]
    (client,) = cognito.list_user_pool_clients(UserPoolId=pool["Id"], MaxResults=10)["UserPoolClients"]
    return str(client["ClientId"])


def test_a_signed_request_of_a_page_may_not_be_read_by_it(cloud: Cloud) -> None:
    answer = post(cloud, signed(cloud) | {"Origin": OURS})
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "smuggled",
    [
        {"X-Amz-Target": f"{COGNITO}.InitiateAuth", "Content-Type": "application/x-www-form-urlencoded"},
        {"X-Amz-Target": f"{COGNITO}.InitiateAuth", "X-Amz-Credential": "x", "Content-Encoding": "aws-chunked"},
        {
            "X-Amz-Target": f"{COGNITO}.InitiateAuth",
            "Authorization": "AWS4-HMAC-SHA256 Credential=111122223333/20261128/us-east-1/dynamodb/aws4_request",
        },
        {"X-Amz-Target": f"{COGNITO}.GetUser", "X-HTTP-Method-Override": "DELETE"},
    ],
)
def test_what_users_may_call_leads_to_no_other_service(cloud: Cloud, smuggled: dict[str, str]) -> None:
    body = b"Action=ListStacks&Version=2010-05-15"
    answer = post(
        cloud, smuggled, body, "/?Action=ListStacks&X-Amz-Credential=111122223333/20261128/us-east-1/sts"
    )
    assert answer.status_code == 400
    assert "Stack" not in answer.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/_ministack/reset"),
        ("POST", "/_ministack/config"),
        ("GET", "/_ministack/lambda-code/hourbank-x"),
        ("GET", "/_ministack/health"),
        ("GET", "/_localstack/health"),
        ("GET", "/health"),
        ("GET", "/oauth2/authorize"),
        ("POST", "/oauth2/token"),
        ("GET", "/bucket/key"),
        ("PUT", "/bucket"),
        ("POST", "//"),
        ("POST", "/2015-03-31/functions/hourbank-hold/invocations"),
        ("GET", "/bucket/.well-known/jwks.json"),
    ],
)
def test_ministacks_own_pages_are_shut(cloud: Cloud, method: str, path: str) -> None:
    answer = httpx.request(method, f"{cloud.endpoint}{path}", trust_env=False)
    assert code_of(answer) == "MissingAuthenticationTokenException"


def test_sockets_are_shut(cloud: Cloud) -> None:
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "A" * 22 + "==",
        "Sec-WebSocket-Version": "13",
    }
    for path in ("/", "/_aws/execute-api/a/b"):
        assert httpx.get(f"{cloud.endpoint}{path}", headers=headers, trust_env=False).status_code == 403


def test_too_much_is_refused_before_it_is_read(cloud: Cloud) -> None:
    headers = {"X-Amz-Target": f"{COGNITO}.SignUp"}
    assert code_of(post(cloud, headers, b"a" * 100_000)) == "RequestEntityTooLargeException"
    began = time.perf_counter()
    assert code_of(post(cloud, {"X-Amz-Target": LIST}, b"a" * 5_000_000)) == "MissingAuthenticationTokenException"
    assert time.perf_counter() - began < 1


def test_keys_of_a_pool_are_public(cloud: Cloud) -> None:
    (pool,) = cloud.client("cognito-idp").list_user_pools(MaxResults=10)["UserPools"]
    address = f"{cloud.endpoint}/{pool['Id']}/.well-known/jwks.json"
    answer = httpx.get(address, headers={"Origin": OURS}, trust_env=False)
    assert answer.json()["keys"]
    assert answer.headers["access-control-allow-origin"] == OURS


async def test_the_functions_take_events_from_nobody_else(home: Server) -> None:
    address = Address.load(home.directory / "functions.json")
    base = f"http://127.0.0.1:{address.port}"
    name = {"X-Amzn-Lambda-Function-Name": Settings().names.function("sweep")}
    async with httpx.AsyncClient(trust_env=False, headers=name) as client:
        for path in (
            "",
            "/",
            "/invoke",
            f"/{address.secret[:-1]}",
            f"/{address.secret.lower()}",
            f"/x/{address.secret}",
        ):
            assert (await client.post(f"{base}{path}", json={})).status_code == 404, path
        assert (await client.get(f"{base}/{address.secret}")).status_code == 405
    listening = Target(base, os.getpid(), home.directory)
    assert b" 400 " in await exchange(listening, b"nonsense\r\n\r\n", within=2)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "198.51.100.7"},
        {"Forwarded": "for=198.51.100.7"},
        {"X-Real-IP": "198.51.100.7"},
        {"Via": "1.1 proxy"},
        {"X-Forwarded-Host": "api.example"},
        {"Host": "api.example"},
        {"Origin": OURS},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_the_sign_in_serves_nobody_through_a_proxy(home: Server, headers: dict[str, str]) -> None:
    async with httpx.AsyncClient(base_url=home.url, trust_env=False) as client:
        assert (await client.get("/local/token/alice")).json()["token"]
        refused = await client.get("/local/token/alice", headers=headers)
        assert refused.status_code == (400 if "Host" in headers else 404)  # no path is under another host's name


async def test_nor_through_nginx_as_it_is(home: Server) -> None:
    """By default nginx speaks HTTP/1.0 to the server, names it as the host, and says nothing of its client."""
    target = Target(home.url, os.getpid(), home.directory)
    host, port = target.address
    sent = f"GET /local/token/alice HTTP/1.0\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
    assert b" 404 " in (await exchange(target, sent.encode(), within=5)).splitlines()[0]


def _open_to_others(directory: Path) -> list[Path]:
    every = [directory, *directory.rglob("*")]
    return [path for path in every if not path.is_symlink() and path.stat().st_mode & 0o077]


def test_no_other_user_reads_what_a_server_keeps(home: Server) -> None:
    asked = _open_to_others(home.directory)
    # The tests themselves opened these, before the server started or for another one.
    assert [path for path in asked if path.suffix != ".log"] == []
    mode = stat.S_IMODE((home.directory / credentials_of_clouds.FILE).stat().st_mode)
    assert mode == 0o600


def test_an_older_directory_is_closed(tmp_path: Path) -> None:
    kept = tmp_path / ".local"
    (kept / "state" / "s3").mkdir(parents=True)
    (kept / "state" / "dynamodb.json").write_text("{}")
    (kept / "issuer.pem").write_text("key")
    (kept / "run.sh").write_text("")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("")
    (kept / "link").symlink_to(elsewhere)
    for path in (kept, *kept.rglob("*")):
        path.chmod(0o777)
    elsewhere.chmod(0o644)
    assert keep_private(kept) == kept
    assert _open_to_others(kept) == []
    assert stat.S_IMODE((kept / "run.sh").stat().st_mode) == 0o700
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o644
