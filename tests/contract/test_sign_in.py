"""An app's own sign-up and sign-in, with Amplify's `Auth` as it is on npm and the user pool of the local cloud."""

import re
from pathlib import Path
from uuid import uuid4

import pytest

from tests.contract.node import CLIENTS, Node
from tests.integration.conftest import Server
from tests.integration.forked_commands import printed
from tests.integration.polling import SOON, comes_true


def printed_config(server: Server, *options: str) -> str:
    """Return what `amplify-config` prints for a running server."""
    settings = {"HOURBANK_LOCAL": str(server.directory), "PORT": str(server.port)}
    code, output = printed("amplify-config", *options, **settings)
    assert code == 0, output
    return output


@pytest.mark.long
def test_typescript_takes_the_file(node: Node, plain: Server, tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(CLIENTS / "node_modules")
    (tmp_path / "amplifyconfiguration.json").write_text(printed_config(plain))
    (tmp_path / "main.ts").write_text(
        "import { Amplify } from 'aws-amplify';\n"
        "import amplifyconfig from './amplifyconfiguration.json';\n"
        "Amplify.configure(amplifyconfig);\n"
    )
    compiler = "node_modules/typescript/bin/tsc --noEmit --strict --skipLibCheck --resolveJsonModule"
    options = "--moduleResolution bundler --module esnext --target es2022"
    node.run(*compiler.split(), *options.split(), str(tmp_path / "main.ts"))


def sent_code(server: Server, address: str, number: int) -> str:
    """Return the code that the server shows as the first, second, … for an address."""

    def shown() -> list[str]:
        return re.findall(rf"Code for {re.escape(address)}: (\d{{6}})$", server.log, re.MULTILINE)

    assert comes_true(lambda: len(shown()) == number, within=SOON)
    return shown()[-1]


@pytest.mark.parametrize(
    ("script", "file", "options", "codes"),
    [
        ("amplify_v6_auth.mjs", "amplifyconfiguration.json", (), 3),
        pytest.param("amplify_v5/auth.mjs", "aws-exports.mjs", ("--v5",), 2, marks=pytest.mark.long),
    ],
)
def test_the_forms_of_an_app(
    node: Node, plain: Server, tmp_path: Path, script: str, file: str, options: tuple[str, ...], codes: int
) -> None:
    name = f"dora-{uuid4().hex[:12]}"
    email = f"{name}@example.org"
    config = tmp_path / file
    config.write_text(printed_config(plain, *options))
    variables = {"EMAIL": email, "USER_NAME": name}
    with node.started(script, str(config), variables=variables) as running:
        for number in range(1, codes + 1):
            running.await_question()
            running.answer(sent_code(plain, email, number))
        running.finish()
