"""What a new row says, before its type's own rules see it: who owns it, and whether the caller may create it."""

from typing import Any

from resolvers.identity.callers import Caller
from resolvers.mirror.authorization import is_named_by, may, model_for, owner_value
from resolvers.mirror.field_rules import check_created, naming_values
from resolvers.mirror.type_rules import Given
from schema.amplify.declaration import Model
from schema.amplify.resolver import AnyInfo
from schema.amplify.rules import Operation
from schema.errors import UnauthorizedError


def with_owner(caller: Caller, model: Model, sent: Given, info: AnyInfo) -> dict[str, Any]:
    """Return a new row's input without nulls, with owners and defaults, and the caller named as the rules say.

    Args:
        caller: who creates it.
        model: its type.
        sent: the input.
        info: the mutation's field.

    Raises:
        UnauthorizedError: no rule lets the caller create such a row, or give some of its fields.
    """
    model = model_for(caller, model)
    owners = model.owner_fields(Operation.CREATE)
    given = {name: value for name in owners if (value := owner_value(caller, model, name)) is not None}
    given |= {field.name: field.default for field in model.fields.values() if field.default is not None}
    given |= {name: value for name, value in sent.items() if value is not None}
    ignored = model.ignored
    given = {name: value for name, value in given.items() if name not in ignored}
    for name in {*owners, *model.owner_fields(Operation.READ)}:
        # As Amplify does, an imported type keeps the name that the client gives.
        if model.names_by_sub(name) and is_named_by(caller, model, name, given.get(name)):
            given[name] = owner_value(caller, model, name)
    row = naming_values(model, given)
    if not may(caller, model, Operation.CREATE, row):
        raise UnauthorizedError.of(info)
    check_created(caller, model, sent, row)
    return given
