"""The workflows of .github/: pinned, with the least rights, and of commands that people run, too."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import typer

from server import cli
from tests.unit.test_architecture import REPOSITORY

WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
# Where people read a command.
SAID = "".join(
    path.read_text()
    for path in (
        REPOSITORY / "README.md",
        *(REPOSITORY / "docs" / "runbooks").glob("*.md"),
        REPOSITORY / "Dockerfile",
    )
)
# What only the pipeline does: it comments on a pull request.
ITS_OWN = "gh pr comment"
_JOB = re.compile(r"^  (\w+):\n((?:    .*\n|\n)+)", re.MULTILINE)
_RIGHTS = {
    "contents: read",
    "id-token: write",
    "pull-requests: write",
}


@pytest.fixture(params=[path.stem for path in WORKFLOWS])
def text(request: pytest.FixtureRequest) -> str:
    return (WORKFLOWS[0].parent / f"{request.param}.yml").read_text()


def jobs(text: str) -> dict[str, str]:
    return dict(_JOB.findall(text.partition("\njobs:\n")[2]))


def test_there_are_the_steps_from_a_check_to_a_rollback() -> None:
    named = {path.stem: list(jobs(path.read_text())) for path in WORKFLOWS}
    assert named == {
        "checks": ["check", "test", "build"],
        "deploy": ["deploy"],
        "diff": ["diff"],
        "release": ["checks", "image", "staging", "prod"],
        "rollback": ["rollback"],
    }


def test_actions_are_pinned_by_their_commits(text: str) -> None:
    for used in re.findall(r"uses: (.+)", text):
        assert used.startswith("./.github/workflows/") or re.fullmatch(
            r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used
        )


def test_one_action_has_one_version() -> None:
    used = {pin for path in WORKFLOWS for pin in re.findall(r"uses: ([^.].+)", path.read_text())}
    assert len({pin.partition("@")[0] for pin in used}) == len(used)


def test_every_command_is_one_that_people_run(text: str) -> None:
    commands = {
        command.name or str(command.callback and command.callback.__name__) for command in commands_of(cli)
    }
    for line in re.findall(r"run: (.+)", text):
        program, *words = line.split()
        if program.startswith(".ci/"):
            assert os.access(REPOSITORY / program, os.X_OK)
        elif program == ".venv/bin/python":
            assert words[0] == "server.py"
            assert words[1] in commands
        else:
            known = " ".join([program, *words[: 2 if program == "gh" else 1]])
            assert known in SAID or known == ITS_OWN, line


def commands_of(group: typer.Typer) -> list[typer.models.CommandInfo]:
    return [*group.registered_commands, *(one for of in group.registered_groups for one in named(of))]


def named(group: typer.models.TyperInfo) -> list[typer.models.CommandInfo]:
    return group.typer_instance.registered_commands if group.typer_instance else []


def test_jobs_have_the_least_rights_a_limit_and_no_secret(text: str) -> None:
    assert "\npermissions: {}\n" in text
    assert "secrets." not in text
    assert "pull_request_target" not in text
    for name, job in jobs(text).items():
        (block,) = re.findall(r"^    permissions:\n((?:      .*\n)+)", job, re.MULTILINE)
        rights = {line.strip() for line in block.splitlines()}
        assert rights <= _RIGHTS, name
        assert ("id-token: write" in rights) == ("AWS_ROLE" in job or "deploy.yml" in job), name
        assert ("pull-requests: write" in rights) == (ITS_OWN in job), name
        assert "timeout-minutes:" in job or "uses: ./" in job, name
        assert job.count("actions/checkout") == job.count("persist-credentials: false"), name


def test_whoever_pushes_input_puts_none_into_a_command(text: str) -> None:
    for line in re.findall(r"run: (.+)", text):
        assert "${{" not in line


def test_deployments_wait_for_each_other_and_prod_for_staging() -> None:
    deploy, release = ((WORKFLOWS[0].parent / f"{name}.yml").read_text() for name in ("deploy", "release"))
    assert "environment: ${{ inputs.environment }}" in deploy
    assert "group: environment-${{ inputs.environment }}" in deploy
    assert "cancel-in-progress: false" in deploy
    assert "needs: [image, staging]" in jobs(release)["prod"]
    assert "needs: checks" in jobs(release)["image"]


def test_what_was_pushed_is_named_by_its_digest_as_a_job_s_output(tmp_path: Path) -> None:
    """Docker itself is not here: a program of its name says what Docker would."""
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\n[ "$1" = image ] && echo "registry/hourbank@sha256:1" || echo "$*"\n')
    docker.chmod(0o700)
    done = subprocess.run(  # noqa: S603 — our own script
        [REPOSITORY / ".ci" / "push", "hourbank", "registry/hourbank:abc"],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "image=registry/hourbank@sha256:1\n"
    assert done.stderr.splitlines() == ["tag hourbank registry/hourbank:abc", "push --quiet registry/hourbank:abc"]
