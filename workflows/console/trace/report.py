"""Prints a request's life: a line for each thing that happened, with when it began and how long it took."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from rich.console import Console
from rich.text import Text

from models.requests.request import Request
from workflows.console.texts import plain
from workflows.console.trace.life import Life
from workflows.console.trace.spans import Kind, Mark, Span

# Columns for when something began, after the request, and for how long it took.
_AT, _LASTED = 12, 14
_SIGNS: Mapping[Kind, tuple[str, str]] = {
    Kind.EVENT: ("●", "cyan"),
    Kind.STATUS: ("◆", "bold green"),
    Kind.HOURS: ("±", "yellow"),
    Kind.LINE: ("·", "dim"),
}


def print_life(console: Console, life: Life) -> None:
    """Print a request's life, and what is open now."""
    for line in (*_heading(life), Text(), *_Tree(life).lines(), Text(), *_standing(life)):
        console.print(line, soft_wrap=True, highlight=False)


def lasting(span: timedelta) -> str:
    """Return a duration in three digits or so, such as "12 ms", "1.16 s", "3 min 05 s" or "2 d 04 h"."""
    seconds = span.total_seconds()
    if seconds < 0:
        return f"-{lasting(-span)}"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:  # noqa: PLR2004 — a minute
        return f"{seconds:.2f} s"
    minutes, left = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours:02} h"
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {left:02} s"


def _heading(life: Life) -> Iterator[Text]:
    request = life.request
    requester, provider = (_name(life, one) for one in request.parties)
    yield Text.assemble(
        ("request ", "dim"), (plain(request.id), "bold"), "  ", (request.status.value, "bold"), _reason(request)
    )
    hours = f"{request.estimated_hours.normalize():f}"
    yield Text(f"{requester} asks {provider} for {hours} h; service {plain(request.service_id)}")
    for row in life.escrows:
        yield Text(f"escrow {plain(row['id']['S'])}  {row['status']['S']}  {row['amount']['N']} h")
    if life.exchange is not None:
        spent = life.exchange["hoursSpent"]["N"]
        yield Text(f"transaction {plain(life.exchange['id']['S'])}  {life.exchange['status']['S']}  {spent} h")
    took = lasting((life.root.ended or life.now) - life.root.began)
    goes_on = "" if life.root.ended else ", and goes on"
    yield Text(f"began {_moment(life.root.began)}; lasted {took}{goes_on}")


def _reason(request: Request) -> str:
    return "" if request.status_reason is None else f" ({request.status_reason.value})"


def _name(life: Life, user_id: str) -> str:
    return plain(life.names.get(user_id, user_id))


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


class _Tree:
    """Draws what happened.

    Args:
        life: the request's.
    """

    def __init__(self, life: Life) -> None:
        self._life = life
        self._said: str | None = None  # the correlation id that was shown last

    def lines(self) -> Iterator[Text]:
        """Yield the lines."""
        heading = Text(f"{'after':>{_AT}}{'lasted':>{_LASTED}}", "dim")
        yield heading
        yield from self._within(self._life.root, "")

    def _within(self, span: Span, guides: str) -> Iterator[Text]:
        parts = span.in_order
        for place, one in enumerate(parts, 1):
            is_last = place == len(parts)
            line = f"{guides}{'└─' if is_last else '├─'} "
            if isinstance(one, Span):
                yield self._span(one, line)
                yield from self._within(one, f"{guides}{'   ' if is_last else '│  '}")
            else:
                yield self._mark(one, line)

    def _span(self, span: Span, guides: str) -> Text:
        lasted = lasting(span.ended - span.began) if span.ended else f"{lasting(self._life.now - span.began)} …"
        style = "bold red" if span.is_bad else "bold"
        outcome = f"  {plain(span.outcome)}" if span.outcome else ""
        return self._line(
            span.began, lasted, guides, (plain(span.name), style), (outcome, style if span.is_bad else "")
        )

    def _mark(self, mark: Mark, guides: str) -> Text:
        sign, style = _SIGNS[mark.kind]
        by = f"  {_name(self._life, mark.by)}" if mark.by else ""
        shown = ""
        if mark.correlation_id is not None and mark.correlation_id != self._said:
            self._said = mark.correlation_id
            shown = f"  correlation_id {plain(mark.correlation_id)}"
        took = "" if mark.took is None else lasting(mark.took)
        return self._line(mark.at, took, guides, (f"{sign} {plain(mark.says)}", style), by, (shown, "dim"))

    def _line(self, at: datetime, lasted: str, guides: str, *says: str | tuple[str, str]) -> Text:
        after = lasting(at - self._life.root.began)
        after = after if after.startswith("-") else f"+{after}"
        return Text.assemble((f"{after:>{_AT}}", "dim"), f"{lasted:>{_LASTED}}", (f"  {guides}", "dim"), *says)


def _standing(life: Life) -> Iterator[Text]:
    """Yield what is open now, and what was not looked at."""
    request, now = life.request, life.now
    if request.wait is not None and request.wait.answer is None:
        left = request.wait.deadline - now
        until = f"until {_moment(request.wait.deadline)}, "
        until += f"in {lasting(left)}" if left > timedelta() else f"which was {lasting(-left)} ago"
        yield Text(f"open: {request.wait.name.value} {until}", "bold yellow")
    if request.is_given_up:
        yield Text("given up: `redrive` restarts it", "bold red")
    elif request.due_at is not None:
        yield Text(f"the sweep looks after it from {_moment(request.due_at)} on")
    if request.failing_since is not None:
        yield Text(f"its executions have failed since {_moment(request.failing_since)}", "bold red")
    if not any(isinstance(one, Span) for one in life.root.within):
        yield Text("Step Functions knows none of its executions any more: it forgets those that ended long ago")
    if not life.is_whole:
        yield Text("its members' logs are long: not all entries were looked through", "yellow")
