"""A bar for each step of a command."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


@dataclass(frozen=True, slots=True)
class Steps:
    """The bars of a command, one below the other."""

    progress: Progress

    @classmethod
    @contextmanager
    def on(cls, console: Console) -> Iterator["Steps"]:
        """Show the bars until the command is done; where there is no terminal, they are shown once, at the end."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console) as progress:
            yield cls(progress)

    def begin(self, what: str, total: int | None) -> Callable[[int], None]:
        """Begin a step, and return what advances its bar; a total of None is not known."""
        bar = self.progress.add_task(what, total=total)

        def advance(count: int) -> None:
            self.progress.advance(bar, count)

        return advance

    def show(self, what: str) -> Callable[[int, int], None]:
        """Begin a step whose total changes, and return what sets how much of how much is done."""
        bar: TaskID = self.progress.add_task(what, total=None)

        def set_to(done: int, total: int) -> None:
            self.progress.update(bar, completed=done, total=total)

        return set_to
