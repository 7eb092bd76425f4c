"""The pictures are those of what is deployed, and the page around them leads to what there is."""

import re

import pytest

from tests.integration.conftest import REPOSITORY
from tests.pictures import deployment, way, whole
from tests.pictures.page import MACHINES, PAGE, machines, page
from workflows.definitions import read_definitions

OPERATIONS = REPOSITORY / "tests" / "security" / "who_may.txt"
TEXT = PAGE.read_text()


def test_the_pictures_are_as_they_would_be_made_now() -> None:
    assert page(TEXT) == TEXT, "run `make pictures`"
    assert {file.name: file.read_text() for file in MACHINES.iterdir()} == machines(), "run `make pictures`"


def test_every_wait_of_the_way_is_ended_by_a_mutation_that_there_is() -> None:
    assert way.waits(read_definitions()) == set(way.ANSWERS)
    for _, mutation in way.ANSWERS.values():
        assert re.search(rf"\b{mutation}\b", OPERATIONS.read_text())


def test_what_a_picture_has_no_word_for_stops_it() -> None:
    statement = {"Action": ["dynamodb:ExportTableToPointInTime"], "Resource": "*"}
    role = {"Policies": [{"PolicyDocument": {"Statement": [statement]}}]}
    with pytest.raises(KeyError, match="ExportTableToPointInTime"):
        whole.picture({}, {"ServerRole": {"Type": "AWS::IAM::Role", "Properties": role}})
    with pytest.raises(KeyError, match="Athena"):
        deployment.picture({"Resources": {"One": {"Type": "AWS::Athena::WorkGroup"}}}, {"Resources": {}})


def test_arrows_are_what_roles_allow_and_rules_call() -> None:
    statement = {"Action": ["dynamodb:PutItem", "logs:PutLogEvents"], "Resource": "*"}
    role = {"Policies": [{"PolicyDocument": {"Statement": [statement]}}]}
    drawn = whole.picture({"RoleOne": {"Type": "AWS::IAM::Role", "Properties": role}}, {})
    assert 'functions -->|"writes"| tables' in drawn
    assert "servers -->" not in drawn.replace("queues", "").replace("apps", "")


def test_the_page_leads_to_files_that_there_are() -> None:
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", TEXT):
        assert (PAGE.parent / link).exists(), link
    folders = ("models", "resolvers", "schema", "workflows")
    for path in re.findall(rf"`((?:{'|'.join(folders)})/[\w/.]+)`", TEXT):
        assert (REPOSITORY / path).exists(), path
