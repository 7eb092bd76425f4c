"""What an operation costs is estimated from its text."""

import pytest

from schema.build import MirrorSchema
from tests.unit.schema.documents.refusals import refusal


@pytest.mark.parametrize(
    ("inside", "found"),
    [
        ("id " * 15, None),
        ("id " * 16, 16),
        ("services { nextToken } " * 16, 16),
        ("... { id } " * 15 + "id", 16),
        ("... F " * 3 + "id " * 12, None),
        ("... F " * 3 + "id " * 13, 16),
        # What is merged is merged below, too: four balances of four fields each.
        ("balance { userId userId userId userId } " * 4, 16),
        ("balance { ... B ... B } " * 4, 16),
        ("a: balance { version version } b: balance { version version }", None),
    ],
)
def test_fields_that_become_one_are_counted_where_they_meet(
    schema: MirrorSchema, inside: str, found: int | None
) -> None:
    fragments = "fragment F on User { id } fragment B on UserBalance { userId userId }"
    said = refusal(schema, f'{{ getUser(id: "a") {{ {inside} }} }} {fragments}')
    if found is None:
        assert said is None
    else:
        assert f"at most 15 fields of one name in one place, and this asks for {found}" in str(said)


def test_a_page_without_its_rows_is_one_call(schema: MirrorSchema) -> None:
    asked = "{ listUsers(limit: %d) { items { services { nextToken } requestsMade { nextToken } } } }"
    assert refusal(schema, asked % 666) is None
    assert "asks for 2001" in str(refusal(schema, asked % 667))


def test_fragments_count_where_they_are_spread(schema: MirrorSchema) -> None:
    query = """{ a: listServices { ...P } b: listServices(limit: 901) { ... on ModelServiceConnection { ...P } } }
        fragment P on ModelServiceConnection { items { ...S } }
        fragment S on Service { id user { id } }"""
    said = "The operation asks for too much: at most 2000 rows, with every page full, and this asks for 2002"
    assert refusal(schema, query) == said
