"""A run: rows are copied, members are taken over, open exchanges become requests.

It may be killed at any point: every transaction leaves both apps right, and the next run goes on from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from models import tables
from models.errors import ContentionError, UnavailableError
from models.migration.copying import CUSTODY
from models.migration.former import Oddity, is_open
from models.migration.share import MemberAction, action_for
from models.requests.request import Request
from models.storage.store import Item
from workflows.console.migration.apps import FORMER_TABLES, Apps, LeftOver, at_once, found_by_id, pages, readable
from workflows.console.migration.progress import Steps
from workflows.console.migration.surveys import Survey, Tally, is_held, members_of

log = structlog.get_logger("workflows")


@dataclass
class RunOutcome:
    """What a run has done.

    Attributes:
        rows: how many rows were copied.
        members: how many members were taken over, with the hours that came.
        requests: how many exchanges became requests.
        not_started: requests whose execution could not be started; the sweep starts it within two minutes.
    """

    rows: int = 0
    members: Tally = field(default_factory=Tally)
    requests: int = 0
    not_started: int = 0
    left: LeftOver = field(default_factory=LeftOver)


async def run(apps: Apps, survey: Survey, share: int, steps: Steps) -> RunOutcome:
    """Take over what a survey has found for a share of the members."""
    outcome = RunOutcome()
    await _copy_rows(apps, survey, outcome, steps)
    await _take_members_over(apps, survey, share, outcome, steps)
    await _readmit_members(apps, outcome)
    await _adopt_exchanges(apps, survey, outcome, steps)
    return outcome


async def _copy_rows(apps: Apps, survey: Survey, outcome: RunOutcome, steps: Steps) -> None:
    advance = steps.begin("rows copied", survey.rows.total())
    for table in FORMER_TABLES:
        async for page in apps.former_pages(table):
            try:
                copied = await apps.copies.copy(table, page)
            except (ContentionError, UnavailableError):
                outcome.left.busy += len(page)
            else:
                outcome.rows += copied.written
                outcome.left.oddities += copied.oddities
            advance(len(page))


async def _take_members_over(apps: Apps, survey: Survey, share: int, outcome: RunOutcome, steps: Steps) -> None:
    advance = steps.begin("members taken over", survey.members[MemberAction.TAKE_OVER].count)

    async def take_over(member_id: str) -> Oddity | None:
        came = await apps.openings.open(member_id)
        if isinstance(came, Oddity):
            return came
        outcome.members.add(came)
        return None

    async for page in apps.former_pages(tables.User):
        odd: list[Oddity] = []
        due = [
            member.id
            for member in members_of(page, apps.stack, odd)
            if action_for(member, share, survey.waiting) is MemberAction.TAKE_OVER
        ]
        known = {(oddity.table, oddity.id) for oddity in outcome.left.oddities}
        # The copies have noted most of them already.
        outcome.left.oddities += [oddity for oddity in odd if (oddity.table, oddity.id) not in known]
        await at_once(tables.User, {one: one for one in due}, take_over, outcome.left, lambda: advance(1))


async def _readmit_members(apps: Apps, outcome: RunOutcome) -> None:
    """Let those who are here begin something again, whom a rollback that was given up has shut out."""

    async def readmit(member_id: str) -> None:
        await apps.openings.readmit(member_id)

    async for page in pages(apps.store, tables.User):
        shut = [row["id"]["S"] for row in page if CUSTODY in row]
        theirs = await found_by_id(apps.former, tables.User, shut)
        due = {one: one for one in shut if one not in theirs or is_held(theirs[one], apps.stack)}
        await at_once(tables.User, due, readmit, outcome.left, lambda: None)


async def _adopt_exchanges(apps: Apps, survey: Survey, outcome: RunOutcome, steps: Steps) -> None:
    advance = steps.begin("open exchanges", survey.open_exchanges)

    async def adopt(exchange_id: str) -> Oddity | None:
        arn = apps.services.executions.arn(exchange_id, 0)
        request = await apps.adoptions.adopt(exchange_id, execution_arn=arn)
        if isinstance(request, Oddity):
            return request
        if request is not None:
            outcome.requests += 1
            await start(request)
        return None

    async def start(request: Request) -> None:
        try:
            await apps.services.executions.start(request)
        except (ClientError, BotoCoreError) as error:
            log.warning("could not start a request's execution", service_request_id=request.id, error=str(error))
            outcome.not_started += 1

    async def start_again(request: Request) -> Oddity | None:
        await start(request)
        return None

    async for page in apps.former_pages(tables.Transaction):
        due = {one: one for one in await _between_members_here(apps, page)}
        await at_once(tables.Transaction, due, adopt, outcome.left, lambda: advance(1))
        not_begun = await _not_begun(apps, page, outcome.left)
        await at_once(tables.ServiceRequest, not_begun, start_again, outcome.left, lambda: None)


async def _between_members_here(apps: Apps, page: Sequence[Item]) -> list[str]:
    """Return the open exchanges of a page whose members are both here."""
    open_ = [row for row in page if is_open(row) is True]
    parties = {party for row in open_ for party in _parties(row)}
    members = await found_by_id(apps.former, tables.User, sorted(parties))
    here = {member_id for member_id, row in members.items() if is_held(row, apps.stack)}
    return [row["id"]["S"] for row in open_ if set(_parties(row)) <= here]


def _parties(row: Item) -> tuple[str, str]:
    return row.get("consumerId", {}).get("S", ""), row.get("providerId", {}).get("S", "")


async def _not_begun(apps: Apps, page: Sequence[Item], left: LeftOver) -> dict[str, Request]:
    """Return the requests of a page that an earlier run has written, and may have died before it started them."""
    held = [row["id"]["S"] for row in page if is_held(row, apps.stack)]
    found = dict[str, Request]()
    for key, item in (await found_by_id(apps.store, tables.ServiceRequest, held)).items():
        request = readable(Request, tables.ServiceRequest, item)
        if isinstance(request, Oddity):
            left.oddities.append(request)
        elif request.version == 1:
            found[key] = request
    return found
