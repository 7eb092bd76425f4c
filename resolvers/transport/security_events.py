"""What of requests and their answers goes into the security log, whatever the protocol."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    OperationType,
    ValueNode,
    get_operation_ast,
    value_from_ast_untyped,
)
from strawberry.types.execution import ExecutionResult

from models.errors import Code
from resolvers.context import is_admin
from resolvers.identity.callers import Caller
from resolvers.identity.keys import UnauthenticatedError
from resolvers.operation_log import Asked
from resolvers.security_log import SecurityEvent, security_event
from schema.documents.reading import Documents
from schema.documents.selections import fields_in
from schema.errors import AppSyncError, ReportedError, report

# What refuses a caller, by its `errorType`; contention refuses nobody, and bad input is not a matter of security.
_RULES = frozenset({*Code} - {Code.CONTENTION, Code.SUPERSEDED, Code.BAD_REQUEST})
_KINDS: Mapping[str, SecurityEvent] = {
    **dict.fromkeys(_RULES, SecurityEvent.RULE_REFUSED),
    "UntrustedDocument": SecurityEvent.DOCUMENT_REFUSED,
    **dict.fromkeys(
        (Code.RATE_LIMITED, "MaxSubscriptionsReachedError", "LimitExceeded", "ExecutionTimeout"),
        SecurityEvent.LIMIT_MET,
    ),
}
_IDS = 10  # ids in a line about an administrator's act
_ID_CHARACTERS = 64


def log_sign_in_refusal(error: UnauthenticatedError) -> None:
    """Log why somebody could not be signed in, without what they sent."""
    cause = None if error.__cause__ is None else type(error.__cause__).__name__
    security_event(SecurityEvent.SIGN_IN_REFUSED, reason=str(error).partition(":")[0], cause=cause)


def reported(errors: Sequence[GraphQLError] | None, caller: Caller | None) -> list[GraphQLError] | None:
    """Return an answer's errors as clients may see them; log those that refuse something, or are limits.

    Args:
        errors: the answer's errors.
        caller: who asked.
    """
    if not errors:
        return None
    shown = [report(error) for error in errors]
    for error in shown:
        if (event := _KINDS.get(error.error_type)) is not None:
            _log(event, caller, code=error.error_type, field=_field_of(error), limit=_limit(error.error_info))
        elif error.is_over_limit:
            _log(SecurityEvent.LIMIT_MET, caller, code=error.error_type, limit=error.message)
    return list(shown)


def log_refusal(error: AppSyncError, caller: Caller | None) -> None:
    """Log an error that has no place in a document, if it refused somebody something."""
    if (event := _KINDS.get(error.error_type)) is not None:
        _log(event, caller, code=error.error_type, limit=_limit(error.info))


def _limit(info: Mapping[str, Any] | None) -> str | None:
    """Return the name of the limit that an error's facts name."""
    return None if info is None else info.get("limit")


def _log(event: SecurityEvent, caller: Caller | None, **facts: str | None) -> None:
    sub = caller.sub if caller else None
    security_event(event, sub, sub=sub, **facts)


def _field_of(error: GraphQLError) -> str | None:
    """Return the name of the field that an error is about; its alias would be the client's own word."""
    node = error.nodes[0] if error.nodes else None
    return node.name.value if isinstance(node, FieldNode) else None


def log_admin_acts(
    documents: Documents, asked: Asked, caller: Caller | None, result: ExecutionResult | None
) -> None:
    """Log each field of a mutation that an administrator has sent: what it names by id, and how it ended.

    Args:
        documents: the documents that were read.
        asked: what was sent.
        caller: who sent it; of others than administrators nothing is logged.
        result: what came of it, None if it broke off.
    """
    if caller is None or not is_admin(caller) or asked.query is None:
        return
    try:
        node = documents.read(asked.query).node
    except (GraphQLError, AppSyncError):
        return  # it could not be run
    operation = get_operation_ast(node, asked.operation_name)
    if operation is None or operation.operation is not OperationType.MUTATION:
        return
    fragments = {one.name.value: one for one in node.definitions if isinstance(one, FragmentDefinitionNode)}
    for field in fields_in([operation.selection_set], fragments):
        values = {one.name.value: _value(one.value, asked.variables) for one in field.arguments or ()}
        security_event(
            SecurityEvent.ADMIN_ACT,
            sub=caller.sub,
            mutation=field.name.value,
            ids=tuple(islice(_ids_in(values), _IDS)),
            outcome=_outcome((field.alias or field.name).value, result),
        )


def _value(node: ValueNode, variables: Mapping[str, Any] | None) -> Any:
    return value_from_ast_untyped(node, dict(variables or {}))


def _ids_in(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield what arguments and inputs name by an id, as `name=id`."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _ids_in(value)
        elif isinstance(value, str) and name.lower().endswith("id") and len(value) <= _ID_CHARACTERS:
            yield f"{name}={value}"


def _outcome(alias: str, result: ExecutionResult | None) -> str:
    """Return "done", or the `errorType` of what prevented it."""
    if result is None:
        return "broke off"
    for error in result.errors or ():
        if not error.path or error.path == [alias]:
            return error.error_type if isinstance(error, ReportedError) else "failed"
    return "done"
