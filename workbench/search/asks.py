"""The search asks, the flow answers.

Work that wants answers (an optimizer's `compile`, the confirmation's trials) runs in a thread of its own and *asks*.
The flow iterates over the asks that are ready, answers each with a task run, and so stays the only one that submits:

    with Asks(work, slots) as asks:
        for ask in asks:
            asks.answer(ask, task.submit(ask...))
    asks.found

Five rules make it sound:

leaving       Whatever ends the loop, every present and future ask is answered with `SearchStopped`, and the thread is
              joined before `__exit__` returns: a flow that is retried never runs beside its own ghost.
stopping      `SearchStopped` is a BaseException: optimizers swallow Exception and ask on.
slots         One queue carries asks and completions. An ask is ready when its inputs are finished and a slot of its
              kind is free, so that no task occupies a worker while it waits for another.
single flight Two asks with one key share one answer. A failure is forgotten; an answer is kept while the work lasts.
replay        No key depends on the order of arrival.
"""

from __future__ import annotations

import queue
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Generic, Literal, Protocol, Self, TypeVar

from workbench.nouns import ExecutionRequest, Plan, ScoreRequest, Verdict
from workbench.search.proposal import Proposal, ProposalRequest

T = TypeVar("T")

JOIN_SECONDS = 10.0


class SearchStopped(BaseException):
    """The answer to every ask after the search was left. Not an Exception: nobody may swallow it."""


class Finished(Protocol):
    """What `answer` is given, and what a later ask gets as its input: a Prefect future, or any other with these two."""

    def result(self) -> Any: ...

    def add_done_callback(self, fn: Callable[[Any], None]) -> None: ...


@dataclass(eq=False)
class Propose:
    """The proposer shall answer this request."""

    request: ProposalRequest
    key: str
    waiting: list[Future[Any]] = field(default_factory=list)


@dataclass(eq=False)
class Execute:
    """The pipeline shall run."""

    request: ExecutionRequest
    key: str
    waiting: list[Future[Any]] = field(default_factory=list)


@dataclass(eq=False)
class Retrieve:
    """The plan of a finished execution is wanted."""

    execution: Finished
    title: str
    key: str
    waiting: list[Future[Any]] = field(default_factory=list)


@dataclass(eq=False)
class Score:
    """A retrieved plan shall be judged; `plan` is the finished future that it came from."""

    request: ScoreRequest
    plan: Finished
    key: str
    waiting: list[Future[Any]] = field(default_factory=list)


Ask = Propose | Execute | Retrieve | Score

#: Slowest first: a free slot is worth most to an execution.
ORDER: tuple[type[Ask], ...] = (Execute, Retrieve, Score, Propose)

Slots = Mapping[type[Ask], int]


def slots(concurrency: int) -> Slots:
    """How many of each kind may be in flight, for `concurrency` executions at once."""
    return {Execute: concurrency, Retrieve: concurrency, Score: concurrency, Propose: min(concurrency, 8)}


class Desk(Protocol):
    """Where work asks, from any thread. Every method blocks until the flow has answered.

    Raises (all three): SearchStopped when the search was left; it must not be caught.
    """

    def propose(self, request: ProposalRequest) -> Proposal: ...

    def plan(self, request: ExecutionRequest) -> Plan: ...

    def verdict(self, request: ScoreRequest, plan: Plan) -> Verdict: ...


class Asks(Generic[T]):
    """One piece of work, turned inside out.

    Args:
        work: called with this object as its `Desk`, in a thread of its own.
        slots: how many asks of each kind may be in flight at once.
        on_answer: called in the flow's thread after each answered ask, with the ask and its value.
    """

    def __init__(
        self,
        work: Callable[[Desk], T],
        slots: Slots,
        on_answer: Callable[[Ask, Any], None] = lambda ask, value: None,
    ) -> None:
        self._work = work
        self._slots = dict(slots)
        self._on_answer = on_answer
        self._inbox: queue.SimpleQueue[tuple[str, Any, Any]] = queue.SimpleQueue()
        self._ready: dict[type[Ask], deque[Ask]] = {kind: deque() for kind in ORDER}
        self._running: Counter[type[Ask]] = Counter()
        self._flights: dict[str, Ask] = {}
        self._answers: dict[str, Any] = {}
        self._plans: dict[Plan, Finished] = {}
        self._closing = threading.Lock()
        self._closed = False
        self._working = True
        self._cause: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="workbench-search", daemon=True)
        self._result: list[T] = []
        #: The finished futures of all scores, in the order in which they came.
        self.verdicts: list[Finished] = []

    @property
    def found(self) -> T:
        """What the work returned. Only after the loop has ended without an error."""
        (result,) = self._result
        return result

    # The work's side, in any thread ------------------------------------------------------------------------------

    def propose(self, request: ProposalRequest) -> Proposal:
        answer: Proposal = self._ask("ask", Propose(request, request.key))
        return answer

    def plan(self, request: ExecutionRequest) -> Plan:
        answer: Plan = self._ask("ask", Execute(request, request.key))
        return answer

    def verdict(self, request: ScoreRequest, plan: Plan) -> Verdict:
        answer: Verdict = self._ask("score", (request, plan))
        return answer

    def _ask(self, kind: Literal["ask", "score"], wanted: Any) -> Any:
        future: Future[Any] = Future()
        with self._closing:
            if self._closed:
                raise SearchStopped
            self._inbox.put((kind, wanted, future))
        return future.result()

    def _run(self) -> None:
        try:
            self._result.append(self._work(self))
        except SearchStopped:
            pass
        except BaseException as error:  # whatever it is, the flow's thread raises it
            self._inbox.put(("failed", error, None))
        finally:
            self._inbox.put(("ended", None, None))

    # The flow's side, in the flow's thread -----------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __iter__(self) -> Iterator[Ask]:
        """Yield asks as their inputs and slots allow; end when the work has ended or a cause is recorded."""
        while True:
            while self._working and self._cause is None and (ask := self._take()):
                self._running[type(ask)] += 1
                yield ask
            if not self._running.total() and (self._cause is not None or not self._working):
                return
            self._read(*self._inbox.get())

    def answer(self, ask: Ask, future: Finished) -> None:
        """The flow promises that `future` will answer `ask`."""
        future.add_done_callback(lambda done: self._inbox.put(("done", ask, done)))

    def stop(self, cause: BaseException | None = None) -> None:
        """Ask for an early end, from the flow's thread or from `on_answer`. Without a cause it is no error."""
        if self._cause is None:
            self._cause = cause or SearchStopped()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        self._thread.join(JOIN_SECONDS)
        if error is None and self._cause is not None and not isinstance(self._cause, SearchStopped):
            raise self._cause
        if self._thread.is_alive():
            raise RuntimeError(f"the search did not end within {JOIN_SECONDS:.0f} s of being stopped") from error

    def _take(self) -> Ask | None:
        for kind in ORDER:
            if self._ready[kind] and self._running[kind] < self._slots[kind]:
                return self._ready[kind].popleft()
        return None

    def _read(self, kind: str, what: Any, future: Any) -> None:
        match kind:
            case "ask":
                self._board(what, future)
            case "score":
                request, plan = what
                self._board(Score(request, self._plans[plan], request.key(plan)), future)
            case "done":
                self._land(what, future)
            case "failed":
                self.stop(what)
            case "ended":
                self._working = False

    def _board(self, ask: Ask, *waiting: Future[Any]) -> None:
        """Join the flight with this key if there is one, else start one."""
        if ask.key in self._answers:
            _resolve(waiting, self._answers[ask.key])
        elif flight := self._flights.get(ask.key):
            flight.waiting.extend(waiting)
        else:
            ask.waiting.extend(waiting)
            self._flights[ask.key] = ask
            self._ready[type(ask)].append(ask)

    def _land(self, ask: Ask, done: Finished) -> None:
        self._running[type(ask)] -= 1
        try:
            value = done.result()
        except Exception as error:
            # The waiting are answered when the loop is left: until then nobody may act on a failure.
            self.stop(error)
            return
        if isinstance(ask, Execute):
            # Those who wait for the plan keep waiting, under the execution's key, while it is retrieved.
            then = Retrieve(done, ask.request.title, ask.key, ask.waiting)
            self._flights[ask.key] = then
            self._ready[Retrieve].append(then)
        else:
            del self._flights[ask.key]
            self._answers[ask.key] = value
            if isinstance(ask, Retrieve):
                self._plans[value] = done
            elif isinstance(ask, Score):
                self.verdicts.append(done)
        self._on_answer(ask, value)
        if not isinstance(ask, Execute):
            _resolve(ask.waiting, value)

    def _close(self) -> None:
        with self._closing:
            self._closed = True
            left = [ask for flight in self._flights.values() for ask in flight.waiting]
            while not self._inbox.empty():
                kind, what, future = self._inbox.get()
                if kind in ("ask", "score"):
                    left.append(future)
                elif kind == "failed":
                    self.stop(what)
        for future in left:
            if not future.done():
                future.set_exception(SearchStopped())


def _resolve(waiting: tuple[Future[Any], ...] | list[Future[Any]], value: Any) -> None:
    for future in waiting:
        if not future.done():
            future.set_result(value)
