"""How the rows of one type are answered for one selection: a compiled projection, and steps to other rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from graphql import GraphQLObjectType, get_named_type

from models.storage.store import Item
from resolvers.identity.callers import Caller, Standing
from resolvers.mirror.authorization import concealed_fields, shows_all
from resolvers.mirror.field_rules import sees, sees_everywhere
from resolvers.mirror.relations import COMPUTED, FromRow
from resolvers.plans.arguments import FieldCall
from resolvers.plans.columns import Names, completion, decoded, is_long, leaf
from resolvers.plans.selection import TYPENAME, Fragments, UnplannedError, merged
from schema.amplify.declaration import Model
from schema.amplify.derived import ComputedField, GuardedField, RelatedRow, RelatedRows
from schema.amplify.fields import ResolvedField, RowField
from schema.documents.sizes import size_of_names, size_of_texts
from schema.strawberry_internals import definition_of

Answer = dict[str, Any]
Guard = Callable[[Item], Any]
# So many leaves may a plan have for each field of its type: with more aliases an answer could grow large unseen.
_ALIASES = 2


@dataclass(frozen=True, slots=True)
class Concealment:
    """A field that not everybody who may read a row may see.

    Args:
        model: the row's type.
        name: the field.
        complete: makes of a value what clients get.
    """

    model: Model
    name: str
    complete: Callable[[Any], Any]

    def from_caller(self, caller: Caller) -> Callable[[Item], bool] | None:
        """Return the function that tells whether a row's field is concealed, None if it is in no row."""
        if self.name not in concealed_fields(caller, self.model):
            return None
        return lambda row: not shows_all(caller, self.model, row)

    def instead(self, caller: Caller) -> Any:
        """Return what a caller gets who may not see the field.

        Raises:
            UnplannedError: an error.
        """
        if caller.standing is not Standing.MEMBER:
            raise UnplannedError
        return self.complete(self.model.hidden_fields[self.name])


@dataclass(frozen=True, slots=True)
class GuardedLeaf:
    """A stored field that may be concealed."""

    concealment: Concealment
    show: Guard

    def for_caller(self, caller: Caller) -> Guard:
        """Return the function that gives the field of a row as a caller may see it."""
        is_concealed, show = self.concealment.from_caller(caller), self.show
        if is_concealed is None:
            return show
        return lambda row: self.concealment.instead(caller) if is_concealed(row) else show(row)


@dataclass(frozen=True, slots=True)
class RuledLeaf:
    """A stored field with rules of its own."""

    model: Model
    name: str
    show: Guard

    def for_caller(self, caller: Caller) -> Guard:
        """Return the function that gives the field of a row; it raises `UnplannedError` if it is refused."""
        if sees_everywhere(caller, self.model, self.name):
            return self.show

        def show(row: Item) -> Any:
            if not sees(caller, self.model, self.name, row):
                raise UnplannedError
            return self.show(row)

        return show


@dataclass(frozen=True, slots=True)
class RowStep:
    """A relation to one other row."""

    key: str
    relation: RelatedRow
    rows: "RowPlan"


@dataclass(frozen=True, slots=True)
class ComputedStep:
    """A leaf that is computed from another row, and may be concealed."""

    key: str
    source: FromRow
    concealment: Concealment


@dataclass(frozen=True, slots=True)
class PageStep:
    """A relation to a page of other rows."""

    key: str
    relation: RelatedRows
    call: FieldCall
    page: "PagePlan"


@dataclass(slots=True)
class RowPlan:
    """How rows of a type are answered.

    Attributes:
        project: makes the answers of rows, given the guards; what steps add is None in them.
        guarded: the leaves that depend on the caller.
        leaves: leaves of each row.
        names: about how many bytes the names in each answer take.
        texts: the names of those leaves that are texts of any length.
        lists: the names of those that are lists.
    """

    model: Model
    project: Callable[[Sequence[Item], Sequence[Guard]], list[Answer]]
    guarded: Sequence[GuardedLeaf | RuledLeaf]
    rows: Sequence[RowStep]
    computed: Sequence[ComputedStep]
    pages: Sequence[PageStep]
    leaves: int
    names: int
    texts: Sequence[str]
    lists: Sequence[str]

    @property
    def has_steps(self) -> bool:
        """Return whether other rows are needed."""
        return bool(self.rows or self.computed or self.pages)

    def weight(self, answers: Sequence[Answer]) -> tuple[int, int]:
        """Return how many elements the lists of some answers have, and how many bytes their texts take."""
        elements = size = 0
        for key in self.texts:
            size += size_of_texts([answer[key] for answer in answers if answer[key]])
        for key in self.lists:
            for found in [answer[key] for answer in answers if answer[key]]:
                elements += len(found)
                size += size_of_texts([one for one in found if isinstance(one, str)])
        return elements, size


@dataclass(frozen=True, slots=True)
class PagePlan:
    """How a page of rows is answered.

    Args:
        typename: the page's type.
        fields: the names in the answer, each with its field.
        rows: for each name that stands for `items`, how they are answered.
        names: about how many bytes the names take.
    """

    typename: str
    fields: Sequence[tuple[str, str]]
    rows: Mapping[str, RowPlan]
    names: int


@dataclass(slots=True)
class RowCompiler:
    """Compiles the selections of one document.

    Args:
        models: the app's types, by their names.
        fragments: the document's.
        call_of: returns how a field with arguments is called.
        is_event: whether the rows are answered in events, where fields with rules of their own are null.
    """

    models: Mapping[str, Model]
    fragments: Fragments
    call_of: Callable[..., FieldCall]
    is_event: bool = False
    _depth: int = field(default=0)

    def rows(self, type_: GraphQLObjectType, nodes: Sequence[Any]) -> RowPlan:
        """Return the plan of rows.

        Raises:
            UnplannedError: something is selected that has no plan.
        """
        return _RowPlanning(self, type_).plan(nodes)

    def page(self, type_: GraphQLObjectType, nodes: Sequence[Any]) -> PagePlan:
        """Return the plan of a page.

        Raises:
            UnplannedError: something is selected that has no plan.
        """
        fields: list[tuple[str, str]] = []
        rows: dict[str, RowPlan] = {}
        for key, found in merged((node.selection_set for node in nodes), self.fragments).items():
            name = found[0].name.value
            fields.append((key, name))
            if name == "items":
                rows[key] = self.rows(_row_type(type_, "items"), found)
        if len(rows) > 1:
            raise UnplannedError
        return PagePlan(type_.name, tuple(fields), rows, size_of_names(key for key, _ in fields))


def _row_type(type_: GraphQLObjectType, name: str) -> GraphQLObjectType:
    return cast("GraphQLObjectType", get_named_type(type_.fields[name].type))


class _RowPlanning:
    """Compiles one selection of a row type."""

    def __init__(self, compiler: RowCompiler, type_: GraphQLObjectType) -> None:
        if type_.name not in compiler.models:
            raise UnplannedError
        self._compiler = compiler
        self._type = type_
        self._model = compiler.models[type_.name]
        self._names = Names()
        self._guarded: list[GuardedLeaf | RuledLeaf] = []
        self._rows: list[RowStep] = []
        self._computed: list[ComputedStep] = []
        self._pages: list[PageStep] = []
        self._texts: list[str] = []
        self._lists: list[str] = []

    def plan(self, nodes: Sequence[Any]) -> RowPlan:
        selected = merged((node.selection_set for node in nodes), self._compiler.fragments)
        if len(selected) > _ALIASES * len(self._type.fields):
            raise UnplannedError
        members = ", ".join(f"{key!r}: {self._member(key, found)}" for key, found in selected.items())
        source = f"lambda rows, guards: [{{{members}}} for row in rows]"
        project = eval(source, {"__builtins__": {"float": float}, **self._names.values})  # noqa: S307 — of names in the schema and the document, each a literal
        steps = self._guarded, self._rows, self._computed, self._pages
        names = size_of_names(selected)
        return RowPlan(self._model, project, *steps, len(selected), names, self._texts, self._lists)

    def _member(self, key: str, found: Sequence[Any]) -> str:
        """Return the expression of a field, "None" if a step gives it."""
        name = found[0].name.value
        if name == TYPENAME:
            return repr(self._type.name)
        field_ = self._type.fields[name]
        match definition_of(field_):
            case RowField() if self._model.fields[name].nested is not None:
                raise UnplannedError
            case RowField():
                self._note_length(key, name, field_.type)
                return leaf(self._model.fields[name], field_.type, self._names)
            case ResolvedField(resolve=GuardedField()):
                return self._guarded_member(key, name, field_.type)
            case ResolvedField(resolve=ComputedField()):
                self._compute(key, name, field_.type)
            case ResolvedField(resolve=RelatedRow() as relation):
                plan = self._compiler.rows(_row_type(self._type, name), found)
                self._rows.append(RowStep(key, relation, plan))
            case ResolvedField(resolve=RelatedRows() as relation):
                page = self._compiler.page(_row_type(self._type, name), found)
                call = self._compiler.call_of(self._type, field_, found)
                self._pages.append(PageStep(key, relation, call, page))
            case _:
                raise UnplannedError
        return "None"

    def _guarded_member(self, key: str, name: str, type_: Any) -> str:
        if name in self._model.computed:
            return self._compute(key, name, type_)
        is_ruled = name in self._model.guarded
        if is_ruled and self._compiler.is_event:
            if self._model.fields[name].required:
                raise UnplannedError
            return "None"
        self._note_length(key, name, type_)
        place, show = len(self._guarded), decoded(self._model.fields[name], type_)
        concealment = Concealment(self._model, name, completion(type_))
        ruled = RuledLeaf(self._model, name, show)
        self._guarded.append(ruled if is_ruled else GuardedLeaf(concealment, show))
        return f"guards[{place}](row)"

    def _note_length(self, key: str, name: str, type_: Any) -> None:
        if self._model.fields[name].is_list:
            self._lists.append(key)
        elif is_long(get_named_type(type_)):
            self._texts.append(key)

    def _compute(self, key: str, name: str, type_: Any) -> str:
        concealment = Concealment(self._model, name, completion(type_))
        self._computed.append(ComputedStep(key, COMPUTED[self._model.name, name], concealment))
        return "None"
