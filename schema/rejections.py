"""Says why DynamoDB rejects a call as invalid, in words that tell a client what to change."""

import re

from botocore.exceptions import ClientError

# Step Functions calls errors by the same code, but there no client's value is the cause.
_DYNAMODB = frozenset(
    {
        "GetItem",
        "BatchGetItem",
        "Query",
        "Scan",
        "PutItem",
        "UpdateItem",
        "DeleteItem",
        "TransactWriteItems",
    }
)
_CAUSES = (
    (
        r"item size|collection size",
        "The row would be larger than the 400 KB that DynamoDB stores: shorten its longest texts and lists",
    ),
    (
        r"expression size|(number|count) of operators|too many operators",
        "The filter or condition is larger than DynamoDB accepts: use fewer operators, or split it",
    ),
    (
        r"overflow|underflow|\b38\b.*digits|into a number|numeric value",
        "A number is out of range: DynamoDB's numbers are 1e-130 to 1e125, with 38 digits at most",
    ),
    (r"nesting", "A value is nested deeper than DynamoDB stores: 32 levels"),
    (r"empty (string )?value|empty string", "A key is empty: it needs a character at least"),
    (
        r"(hash|range|partition|sort) ?key.*(exceed|maximum)|key.*\b(2048|1024)\b|: size limit exceeded",
        "A key is too long: at most 1,024 bytes",
    ),
)
_KEY = re.compile(r"Key: (\w+)")
_CHARACTERS = 300


def rejection_of(error: ClientError) -> str | None:
    """Return why DynamoDB rejects a call as invalid; None if it failed for another reason.

    A transaction that is cancelled has a reason for each of its rows; the first one counts that is a rejection.
    """
    if error.operation_name not in _DYNAMODB:
        return None
    problem = error.response.get("Error", {})
    if problem.get("Code") == "ValidationException":
        return str(problem.get("Message", ""))
    reasons = error.response.get("CancellationReasons", [])
    return next((reason.get("Message", "") for reason in reasons if reason.get("Code") == "ValidationError"), None)


def explained(reason: str) -> tuple[str, str | None]:
    """Return DynamoDB's reason in plain words, and the field that it names, if it names one."""
    key = _KEY.search(reason)
    field = key[1] if key else None
    known = (text for pattern, text in _CAUSES if re.search(pattern, reason, re.IGNORECASE | re.DOTALL))
    text = next(known, f"DynamoDB rejects these values: {reason[:_CHARACTERS]}")
    return (text if field is None else f"{field}: {text}"), field
