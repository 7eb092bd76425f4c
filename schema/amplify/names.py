"""The names that Amplify's transformer derives from a type's name."""

from pluralizer import Pluralizer

# The rules of npm's `pluralize`, by which Amplify names pages and queries.
_PLURALIZER = Pluralizer()  # type: ignore[no-untyped-call]  # its constructor alone is untyped


def plural(name: str) -> str:
    """Return a type's plural: ServiceRequests, Categories, People."""
    return _PLURALIZER.pluralize(name)


def by_query(model: str, field: str) -> str:
    """Return the name that Amplify gives the query of an index: `bookingsByStatus`."""
    return f"{lower_first(plural(model))}By{upper_first(field)}"


def lower_first(name: str) -> str:
    """Return a name with its first letter in lower case."""
    return name[0].lower() + name[1:]


def upper_first(name: str) -> str:
    """Return a name with its first letter in upper case."""
    return name[0].upper() + name[1:]


def connection(model: str) -> str:
    """Return the name of a type's pages."""
    return f"Model{upper_first(model)}Connection"


def filter_input(model: str) -> str:
    """Return the name of the input that filters a type's rows."""
    return f"Model{upper_first(model)}FilterInput"


def condition_input(model: str) -> str:
    """Return the name of the input with the condition of a mutation."""
    return f"Model{upper_first(model)}ConditionInput"


def row_input(action: str, model: str) -> str:
    """Return the name of the input of a mutation: `CreateTodoInput`."""
    return f"{upper_first(action)}{upper_first(model)}Input"


def subscription_filter_input(model: str) -> str:
    """Return the name of the input that filters a type's events."""
    return f"ModelSubscription{upper_first(model)}FilterInput"
