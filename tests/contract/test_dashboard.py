"""The dashboard of the construction app is one operation: a get, two queries and a batch, however many rows."""

from collections import Counter
from typing import Any

import pytest

from models.storage.store import Store
from tests.engines.embedded import Embedded
from tests.unit.ruled_app import ANN, NAMES, ServedApp, catalogue

DASHBOARD = """
query Dashboard($user: ID!, $project: ID!) {
  getProject(userId: $user, projectId: $project) {
    name SpentAmount
    expenses(sortDirection: DESC) { items { amount date contractor { name } } }
    works { items { WorkName status contractor { name phone } } }
  }
}
"""


class CountedCalls(Embedded):
    """Calls that are counted."""

    counts: Counter[str]

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        """Count a call, and make it."""
        if hasattr(self, "counts"):
            self.counts[operation] += 1
        return await super().call(service, operation, **params)


@pytest.mark.parametrize("rows", [1, 30])
async def test_it_costs_one_get_two_queries_and_a_batch(rows: int) -> None:
    types = catalogue("construction")
    calls = CountedCalls(NAMES, types.tables)
    app = ServedApp(types, Store(calls, NAMES))

    of = {"userId": ANN.sub}
    await app.done(ANN, "createProject", **of, projectId="p", name="House", startDate="2026-01-01")
    for number in range(rows):
        contractor = f"c{number}"
        both = {**of, "projectId": "p", "contractorId": contractor}
        await app.done(ANN, "createContractor", **of, contractorId=contractor, name=f"Contractor {number}")
        paid = {"amount": 0.1, "paymentMethod": "CASH", "date": "2026-02-01", "invoiceNum": f"{number}"}
        await app.done(ANN, "createExpense", **both, **paid, expenseId=f"e{number}")
        await app.done(ANN, "createWork", **both, workId=f"w{number}", WorkName=f"Work {number}")
    calls.counts = Counter()
    found, errors = await app.ask(ANN, DASHBOARD, user=ANN.sub, project="p")
    assert errors == []
    project = found["getProject"]
    assert project["SpentAmount"] == round(rows * 0.1, 2)  # a sum of decimals, not of floats
    assert len(project["expenses"]["items"]) == len(project["works"]["items"]) == rows
    assert {one["contractor"]["name"] for one in project["works"]["items"]} == {
        f"Contractor {number}" for number in range(rows)
    }
    assert dict(calls.counts) == {"get_item": 1, "query": 2, "batch_get_item": 1}
    calls.close()
