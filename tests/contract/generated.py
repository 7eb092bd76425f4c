"""The operations of Amplify's code generator, and what each selects."""

from typing import Any

from graphql import (
    FieldNode,
    GraphQLObjectType,
    NonNullTypeNode,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
    is_leaf_type,
    print_ast,
)

from tests.contract.test_golden import golden, operations


class Generated:
    """An operation of Amplify's code generator, and which fields of which type it selects."""

    def __init__(self, node: OperationDefinitionNode) -> None:
        (field,) = node.selection_set.selections
        assert isinstance(field, FieldNode)
        assert node.name
        self.name = node.name.value
        self.kind = node.operation
        self.text = print_ast(node)
        self.root = field.name.value
        self.required = [
            variable.variable.name.value
            for variable in node.variable_definitions or ()
            if isinstance(variable.type, NonNullTypeNode)
        ]
        returned = get_named_type(field_of(golden.get_root_type(node.operation), self.root).type)
        self.is_page = returned.name.endswith("Connection")
        inner = get_named_type(field_of(returned, "items").type) if self.is_page else returned
        self.type_name = inner.name
        nodes = field.selection_set.selections if field.selection_set else ()
        if self.is_page:
            (items,) = (n for n in nodes if isinstance(n, FieldNode) and n.name.value == "items")
            nodes = items.selection_set.selections if items.selection_set else ()
        selected = [n.name.value for n in nodes if isinstance(n, FieldNode) and n.name.value != "__typename"]
        self.values = [n for n in selected if is_leaf_type(get_named_type(field_of(inner, n).type))]
        self.relations = [n for n in selected if n not in self.values]

    @property
    def action(self) -> str:
        """Return the action of a mutation or a subscription: create, update or delete."""
        return next(word for word in ("create", "update", "delete") if word in self.name.lower())


def field_of(type_: Any, name: str) -> Any:
    assert isinstance(type_, GraphQLObjectType)
    return type_.fields[name]


ALL = {name: Generated(node) for name, node in operations().items()}
# The queries of the app's own schema, which Amplify derives from no type.
APPS = ("GetAvailableTimeSlots", "GetBookingsByDateRange", "GetProviderSchedule", "GetUserStats", "SearchServices")
QUERIES = [name for name, operation in ALL.items() if operation.kind is OperationType.QUERY and name not in APPS]
MUTATIONS = [name for name, operation in ALL.items() if operation.kind is OperationType.MUTATION]
SUBSCRIPTIONS = [name for name, operation in ALL.items() if operation.kind is OperationType.SUBSCRIPTION]
