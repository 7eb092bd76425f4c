"""A small app with composite keys, several sort fields and numeric ones: projects and what they cost."""

from enum import StrEnum

import strawberry

from models.tables.base import KeyAttribute, index, table
from schema.amplify.catalogue import Catalogue
from schema.amplify.declaration import Model, Operations, Relation
from schema.amplify.keys import Finder
from schema.amplify.rules import owner
from schema.amplify.stored_fields import Field


@strawberry.enum
class ProjectStatus(StrEnum):
    """How far a project is."""

    PLANNED = "PLANNED"
    ACTIVE = "ACTIVE"


BY_STATUS = index("statusDateIndex", "userId", "status#startDate")
BY_NAME = index("name-index", "userId", "name")
BY_AMOUNT = index("amount-index", "userId", KeyAttribute("amount", "N"))
BY_PROJECT = index("project-date-index", "projectKey", "date")

PROJECTS = table("Project", KeyAttribute("userId"), KeyAttribute("projectId"), indexes=[BY_STATUS, BY_NAME])
EXPENSES = table("Expense", KeyAttribute("userId"), KeyAttribute("expenseId"), indexes=[BY_AMOUNT, BY_PROJECT])

_STAMPS = {"createdAt": "AWSDateTime!", "updatedAt": "AWSDateTime!"}


def _fields(types: dict[str, str]) -> dict[str, Field]:
    return {
        name: Field.of(
            name,
            type_,
            enum=ProjectStatus if type_ == "ProjectStatus" else None,
            is_owner=name == "userId",
        )
        for name, type_ in (types | _STAMPS).items()
    }


PROJECT = Model(
    name="Project",
    table=PROJECTS,
    rules=(owner("userId"),),
    fields=_fields(
        {
            "userId": "ID!",
            "projectId": "ID!",
            "name": "String!",
            "startDate": "AWSDate!",
            "status": "ProjectStatus",
            "projectKey": "ID!",
        }
    ),
    primary=Finder.of_table(PROJECTS, ["projectId"]),
    operations=Operations.usual("Project"),
    finders={
        "statusDateIndex": Finder.of_index(BY_STATUS, ["status", "startDate"], "projectsByStatusAndDate"),
        "name-index": Finder.of_index(BY_NAME, ["name"], "projectsByName"),
    },
    lists_by_key=True,
    relations={"expenses": Relation("Expense", ("projectKey",), "project-date-index", is_many=True)},
    unwritable=frozenset(_STAMPS),
)
EXPENSE = Model(
    name="Expense",
    table=EXPENSES,
    rules=(owner("userId"),),
    fields=_fields(
        {
            "userId": "ID!",
            "expenseId": "ID!",
            "projectId": "ID!",
            "amount": "Float!",
            "date": "AWSDate!",
            "projectKey": "ID!",
        }
    ),
    primary=Finder.of_table(EXPENSES, ["expenseId"]),
    operations=Operations.usual("Expense"),
    finders={
        "amount-index": Finder.of_index(BY_AMOUNT, ["amount"], "expensesByAmount"),
        "project-date-index": Finder.of_index(BY_PROJECT, ["date"], "expensesByProject"),
    },
    lists_by_key=True,
    relations={"project": Relation("Project", ("userId", "projectId"))},
    unwritable=frozenset(_STAMPS),
)
CATALOGUE = Catalogue.of([PROJECT, EXPENSE])
