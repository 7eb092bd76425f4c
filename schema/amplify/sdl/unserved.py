"""What a schema asks for and this server does not do, each by name."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from graphql import FieldDefinitionNode

from models.constraints.declared import Constraints
from schema.amplify import names
from schema.amplify.catalogue import RootType
from schema.amplify.sdl.declarations import (
    ModelDeclaration,
    NotServed,
    Provider,
    RootField,
    RuleDeclaration,
)
from schema.amplify.sdl.house_rules import own_rules
from schema.amplify.sdl.project import Project
from schema.amplify.sdl.reading import Document, WrittenType, every, has

_FIRST = "the first transformer's"
_FIELDS = {
    "connection": f"{_FIRST} @connection leads nowhere here; the second one has @hasMany, @hasOne and @belongsTo",
    "http": "@http calls other servers, and this one calls none",
    "predictions": "@predictions needs AWS's AI services",
    "sql": "@sql needs a relational database",
    "refersTo": "@refersTo renames what is stored, and the name in the schema is stored",
    "validate": "@validate is not checked; rules.graphql has rules of its own",
}
# The arguments that Amplify gives to each field that leads to pages of rows.
_PAGE = frozenset({"filter", "limit", "nextToken", "sortDirection"})
_PROVIDERS = {
    Provider.IAM: "a caller's signature by IAM cannot be verified here",
    Provider.OIDC: "no provider of OpenID Connect is known here",
    Provider.FUNCTION: "no function authorizes callers here",
}
_DATASTORE = (
    "DataStore's conflict resolution is not served; its clients use the other operations, without versions"
)


def unserved(
    project: Project, document: Document, models: Mapping[str, ModelDeclaration], roots: Iterable[RootField]
) -> tuple[NotServed, ...]:
    """Return what is not served of a project, in the order of its schema."""
    found = [item for type_ in document.types.values() for item in (*_of_type(type_), *_of_fields(type_))]
    for model in models.values():
        found += _of_rules(model.name, model.rules)
        for name, rules in own_rules(model).items():
            found += _of_rules(f"{model.name}.{name}", rules)
    roots = tuple(roots)
    known = {name for model in models.values() for name in _mutations(model)}
    known |= {root.name for root in roots if root.root is RootType.MUTATION}
    found += [item for root in roots for item in _of_root(root, known)]
    if project.has_conflict_resolution:
        plurals = (names.upper_first(names.plural(name)) for name in models)
        found += [NotServed(f"Query.sync{plural}", _DATASTORE) for plural in plurals]
    return tuple(dict.fromkeys((*project.not_served, *found)))


def unserved_rules(constraints: Mapping[str, Constraints]) -> Iterator[NotServed]:
    """Yield the rules beside a schema that are not obeyed."""
    for name, rules in constraints.items():
        if rules.stream_handler is not None:
            reason = "no function of the app's own runs here; the table has a stream that one can read"
            yield NotServed(name, f"@stream hands no changes to {rules.stream_handler}: {reason}")


def _of_type(type_: WrittenType) -> Iterator[NotServed]:
    for given in every(type_, "searchable"):
        usual = f"search{names.upper_first(names.plural(type_.name))}"
        query = (given.get("queries") or {}).get("search", usual)
        if query is not None:
            yield NotServed(f"Query.{query}", "@searchable needs OpenSearch")
    for given in every(type_, "key"):
        if query := given.get("queryField"):
            yield NotServed(f"Query.{query}", f"{_FIRST} @key is not obeyed; the second one has @index")
        elif given.get("name") is None:
            key = ", ".join(given["fields"])
            reason = f"{_FIRST} @key is not obeyed; the second one has @primaryKey for the key {key}"
            yield NotServed(type_.name, reason)
    if has(type_.directives, "versioned"):
        yield NotServed(type_.name, f"{_FIRST} @versioned is not obeyed")
    if has(type_.directives, "mapsTo"):
        yield NotServed(type_.name, "@mapsTo names another table, and the type's own name is its table's")


def _of_fields(type_: WrittenType) -> Iterator[NotServed]:
    for node in type_.fields:
        name = f"{type_.name}.{node.name.value}"
        for directive, reason in _FIELDS.items():
            if has(node.directives or (), directive):
                yield NotServed(name, reason)
        if type_.name not in set(RootType):
            if has(node.directives or (), "function"):
                yield NotServed(name, "@function answers root fields only")
            yield from _of_arguments(name, node)


def _of_arguments(name: str, node: FieldDefinitionNode) -> Iterator[NotServed]:
    """Yield the arguments of a stored field; a field that leads to pages of rows has some that are served."""
    leads_to_pages = any(has(node.directives or (), directive) for directive in ("hasMany", "manyToMany"))
    for argument in node.arguments or ():
        if not (leads_to_pages and argument.name.value in _PAGE):
            reason = "the field is stored, and nothing would read its argument"
            yield NotServed(f"{name}({argument.name.value}:)", reason)


def _of_rules(name: str, rules: Iterable[RuleDeclaration]) -> Iterator[NotServed]:
    for rule in rules:
        if rule.provider in _PROVIDERS:
            who = f"{{ allow: {rule.strategy}, provider: {rule.provider} }}"
            yield NotServed(name, f"the rule {who} admits nobody: {_PROVIDERS[rule.provider]}")


def _mutations(model: ModelDeclaration) -> Iterator[str]:
    operations = model.operations
    yield from (name for name in (operations.create, operations.update, operations.delete) if name is not None)


def _of_root(field: RootField, mutations: Collection[str]) -> Iterator[NotServed]:
    name = f"{field.root}.{field.name}"
    yield from _of_rules(name, field.rules or ())
    for heard in field.mutations:
        if heard not in mutations:
            yield NotServed(name, f"@aws_subscribe names {heard}, which is no mutation")
    if not field.functions and not field.mutations:
        yield NotServed(name, "neither @function nor @aws_subscribe answers it")
