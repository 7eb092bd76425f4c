"""Every call of every function is allowed, and every permission is used."""

import pytest

from models.storage.names import Names
from tests.permissions.comparison import not_allowed, not_needed
from tests.permissions.needs import OPERATOR, SERVER, Need, UnknownCallError, needs
from tests.permissions.policies import Statement
from tests.permissions.simulated import simulated
from workflows.deployment.package import SERVICES
from workflows.handlers import FUNCTIONS

NAMES = Names(stack="bank", region="eu-west-1", account="123456789012")
TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/bank-User"


def test_every_function_is_called_by_the_simulation() -> None:
    _, needed = simulated()
    assert FUNCTIONS.keys() - needed.keys() == set(), "a scenario of tests/chaos/simulation must call it"


def test_what_the_functions_do_is_allowed() -> None:
    assert not_allowed(*simulated()) == []


def test_what_is_allowed_is_done() -> None:
    assert not_needed(*simulated()) == []


def test_the_functions_package_describes_the_services_that_they_call() -> None:
    named = {"states": "stepfunctions"}
    _, needed = simulated()
    others = {SERVER, OPERATOR}
    called = {need.action.partition(":")[0] for who, of in needed.items() if who not in others for need in of}
    assert {named.get(service, service) for service in called} == SERVICES


@pytest.mark.parametrize("action", ["sqs:ReceiveMessage", "dynamodb:Scan", "states:StartExecution"])
def test_operators_are_simulated(action: str) -> None:
    _, needed = simulated()
    assert action in {need.action for need in needed[OPERATOR]}


def test_a_permission_that_lacks_is_found() -> None:
    names, needed = simulated()
    more = {**needed, "createEscrow": needed["createEscrow"] | {Need("sqs:GetQueueUrl", "arn:aws:sqs:x")}}
    assert not_allowed(names, more) == ["createEscrow may not do sqs:GetQueueUrl on arn:aws:sqs:x"]


def test_a_permission_that_nobody_uses_is_found() -> None:
    statement = Statement(("dynamodb:GetItem", "dynamodb:Scan"), (TABLE, f"{TABLE}/index/*"))
    needed = needs(NAMES, "dynamodb", "get_item", {"TableName": "bank-User"})
    index = f"{TABLE}/index/*"
    assert list(statement.unused(needed)) == [
        ("dynamodb:GetItem", index),
        ("dynamodb:Scan", TABLE),
        ("dynamodb:Scan", index),
    ]


def test_a_query_needs_its_index_and_a_transaction_each_of_its_writes() -> None:
    asked = {"TableName": "bank-User", "IndexName": "byEmail"}
    assert needs(NAMES, "dynamodb", "query", asked) == {Need("dynamodb:Query", f"{TABLE}/index/byEmail")}
    written = {"TransactItems": [{kind: {"TableName": "bank-User"}} for kind in ("Put", "ConditionCheck")]}
    assert needs(NAMES, "dynamodb", "transact_write_items", written) == {
        Need("dynamodb:PutItem", TABLE),
        Need("dynamodb:ConditionCheckItem", TABLE),
    }


def test_a_call_of_which_nobody_knows_what_it_needs_is_an_error() -> None:
    with pytest.raises(UnknownCallError, match=r"s3\.put_object"):
        needs(NAMES, "s3", "put_object", {})
