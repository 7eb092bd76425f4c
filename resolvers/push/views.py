"""What of a caller decides how a row is answered: callers of whom it is the same get the same answer."""

from collections.abc import Hashable

from models.storage.store import Item
from resolvers.identity.callers import Caller
from resolvers.mirror.authorization import admits_everywhere, is_owner, model_for, shows_all
from resolvers.mirror.relations import key_of_relation
from resolvers.plans.rows import RowPlan
from schema.amplify.declaration import Model
from schema.amplify.rules import Operation


def view_of(plan: RowPlan, caller: Caller, row: Item) -> Hashable:
    """Return what of a caller decides the answer to a row that they may read.

    The callers for whom it is equal get the same answer. Where that is not certain it is the caller: all of one
    caller's subscriptions get the same.

    Args:
        plan: how the row is answered.
        caller: who is asking.
        row: the row.
    """
    if not plan.guarded and not plan.has_steps:
        return None
    if plan.pages:
        return caller
    owned: list[bool] = []
    if plan.guarded:
        owned.append(shows_all(caller, plan.model, row))
    for step in plan.rows:
        target = step.rows.model
        if not _is_open(step.rows, target, caller):
            return caller
        if step.rows.guarded:
            if target.owner_fields(Operation.READ) != (target.keys.hash,):
                return caller
            key = key_of_relation(plan.model, step.relation.relation, row)
            owned.append(is_owner(caller, key[0] if isinstance(key, tuple) else key))
    return caller.standing, caller.groups, caller.claims, *owned


def _is_open(plan: RowPlan, model: Model, caller: Caller) -> bool:
    """Return whether rows that others lead to are answered alike for all of this standing and these groups.

    What guards their own fields is left out.
    """
    if plan.pages or not admits_everywhere(caller, model_for(caller, model), Operation.READ):
        return False
    return all(not step.rows.guarded and _is_open(step.rows, step.rows.model, caller) for step in plan.rows)
