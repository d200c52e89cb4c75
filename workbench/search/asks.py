"""Connects the search with the Prefect flow: the search asks for paid answers, and the flow provides them.

A DSPy optimizer runs a loop of its own, and so does a Prefect flow. `Asks` connects the two loops. Code that needs paid
answers is called the *work*: an optimizer's `compile`, or the trials of the confirmation. The work runs in a thread of
its own. When it needs a proposal, a plan or a verdict, it puts an *ask* into a queue and waits for the answer. The flow
iterates over the asks that are ready, and answers each ask with a task run. So the flow is the only part that submits
tasks:

    with Asks(work, slots(concurrency)) as asks:
        for ask in asks:
            asks.answer(ask, task.submit(...))
    asks.result

For example, the work gets a plan in five steps:

    1. In a thread of the work, `asker.plan(request)` puts an `Execute` into the queue, and waits.
    2. In the flow's thread, the loop yields the `Execute`. The flow answers it with an `execute` task.
    3. When this task has finished, the loop yields a `Retrieve`. The flow answers it with a `retrieve` task. Executions
       that finish meanwhile wait for this task, and share the next `Retrieve`.
    4. When the `retrieve` task has finished, `Asks` hands the plan to the waiting thread.
    5. In the work's thread, `asker.plan` returns the plan.

Seven rules keep the connection sound:

leaving        The flow can leave its loop early, for instance because of an interrupt or a failed task. Then every call
               of the asker that waits raises `SearchStopped`, and so does every later call. `__exit__` waits until the
               work's thread has ended.
               Reason: Prefect may retry the flow, and the old search must never run beside the new one.
stopping       `SearchStopped` is a BaseException and not an Exception.
               Reason: optimizers catch Exception and ask again.
slots          Each kind of ask has a limited number of slots. The flow gets an ask when the ask's inputs are finished
               and a slot of its kind is free. New asks and finished tasks arrive in one queue.
               Reason: no task may occupy a worker while it waits for another task.
first alone    A kind that calls the judge's or the proposer's model has one slot until an answer of it was bought.
               Reason: a failure that lasts, such as a rejected key, is met once and not in all slots at once.
judge last     While executions begin, the judge is asked for no score, for half a second at most.
               Reason: executions take the longest, and the judge can be asked while they run.
single flight  Asks with equal keys share one task run and its answer. The answer is kept until the work ends. A failure
               is not kept.
               Reason: nothing is paid for twice.
replay         A key never depends on the order in which asks arrive.
               Reason: a search that is started again asks with the same keys, so the flow's tasks find the stored
               answers.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from types import TracebackType
from typing import Any, Generic, NoReturn, Self, TypeVar

from workbench.errors import BudgetUsedUp
from workbench.nouns import DrawnCriteria, DrawRequest, ExecutionRequest, Plan, ScoreRequest, Trial, Verdict
from workbench.search.ask_events import Event, NewAsk, NewScore, TaskFinished, TrialEnded, WorkEnded, WorkFailed
from workbench.search.ask_kinds import (
    AnswerFuture,
    Ask,
    Draw,
    Execute,
    PaidAsk,
    Propose,
    Retrieve,
    Score,
    Slots,
)
from workbench.search.asker import Asker, SearchStopped
from workbench.search.proposal import Proposal, ProposalRequest
from workbench.search.ready_asks import Claim, ReadyAsks

T = TypeVar("T")
A = TypeVar("A")

#: The longest time that `__exit__` waits for the work's thread to end, in seconds.
JOIN_SECONDS = 10.0


class Asks(Generic[T]):
    """One work in a thread of its own, and the iterator over its asks.

    Args:
        work: called in a thread of its own, with this object as its `Asker`.
        slots: how many asks of each kind may run at once.
        on_answer: called in the flow's thread for each answered ask, with the ask and its finished future. The work
            gets the answer after this call.
        on_trial: called in the flow's thread for each trial that the work reports.
        claim: called in the flow's thread before an ask that costs money is yielded. The claim is given back when the
            ask's task has finished. If another process has claimed an equal ask, the ask is claimed again after
            half a second.
    """

    def __init__(
        self,
        work: Callable[[Asker], T],
        slots: Slots,
        on_answer: Callable[[Ask, AnswerFuture], None] = lambda ask, future: None,
        on_trial: Callable[[Trial], None] = lambda trial: None,
        claim: Claim = lambda ask: lambda: None,
    ) -> None:
        self._work = work
        self._on_answer = on_answer
        self._on_trial = on_trial
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._ready = ReadyAsks(slots, claim)
        #: Paid asks without an answer, by key: those that are ready, those that run, and executions without a plan.
        self._in_flight: dict[str, PaidAsk] = {}
        #: Plans, verdicts and proposals by key.
        self._answers: dict[str, Any] = {}
        #: The finished retrieval of each plan. A Score takes it as its input, so that Prefect shows the edge.
        self._retrievals: dict[Plan, AnswerFuture] = {}
        #: Held while an ask enters the queue and while the queue is closed, so that no ask enters afterwards.
        self._closing = threading.Lock()
        self._closed = False
        self._working = True
        #: The reason why the loop has to end early, or None.
        self._cause: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="workbench-search", daemon=True)
        #: Empty, or the one value that the work returned.
        self._returned: list[T] = []
        #: The finished futures of all scores, in the order in which they finished.
        self.verdicts: list[AnswerFuture] = []

    @property
    def result(self) -> T:
        """Return the result of the work. Read it only after the loop has ended without an error."""
        (result,) = self._returned
        return result

    # Called by the work, in any thread ----------------------------------------------------------------------------

    def propose(self, request: ProposalRequest) -> Proposal:
        answer: Future[Proposal] = Future()
        return self._wait(NewAsk(Propose(request, key=request.key), answer), answer)

    def plan(self, request: ExecutionRequest) -> Plan:
        answer: Future[Plan] = Future()
        return self._wait(NewAsk(Execute(request, key=request.key), answer), answer)

    def verdict(self, request: ScoreRequest, plan: Plan) -> Verdict:
        answer: Future[Verdict] = Future()
        return self._wait(NewScore(request, plan, answer), answer)

    def criteria(self, request: DrawRequest, key: str) -> DrawnCriteria:
        answer: Future[DrawnCriteria] = Future()
        return self._wait(NewAsk(Draw(request, key=key), answer), answer)

    def report(self, trial: Trial) -> None:
        self._events.put(TrialEnded(trial))

    def fail(self, error: Exception) -> NoReturn:
        self.interrupt(error)
        raise SearchStopped

    def interrupt(self, error: Exception) -> None:
        """End the loop early because of an error. Unlike `stop`, any thread may call this method."""
        self._events.put(WorkFailed(error))

    def _wait(self, event: NewAsk | NewScore, answer: Future[A]) -> A:
        """Put a new ask into the queue, wait for its answer, and return the answer."""
        with self._closing:
            if self._closed:
                raise SearchStopped
            self._events.put(event)
        return answer.result()

    def _run(self) -> None:
        """Run the work to its end. This is the body of the work's thread."""
        try:
            self._returned.append(self._work(self))
        except SearchStopped:
            pass
        except BaseException as error:  # every kind of error: the flow's thread raises it again
            self._events.put(WorkFailed(error))
        finally:
            self._events.put(WorkEnded())

    # Called by the flow, in its own thread ------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __iter__(self) -> Iterator[Ask]:
        """Yield each ask when its inputs are finished and a slot is free.

        The loop ends when the work has ended, or when there is a cause to stop early. Before it ends, it waits for all
        running tasks, because they are paid for.
        """
        while True:
            while self._working and self._cause is None and (ask := self._ready.take()):
                yield ask
                # An execution that has finished meanwhile frees its slot, and joins the next retrieval.
                self._handle_waiting_events()
            ending = self._cause is not None or not self._working
            if ending and not self._ready.any_running:
                return
            try:
                self._handle(self._events.get(timeout=self._ready.next_look))
            except queue.Empty:
                continue

    def answer(
        self, ask: Ask, task: AnswerFuture, *, bought: Callable[[Any], bool] = lambda finished_task: True
    ) -> None:
        """Answer an ask with the result that `task` will have. Does not wait for the result.

        Args:
            bought: takes the finished task, and returns False if it called no model, because the answer was kept or is
                free.
        """
        release = self._ready.release_of(ask)

        def finish(finished_task: Any) -> None:
            # The task has stored its answer. Give the claim back here, because the flow may have left the loop.
            if release is not None:
                release()
            self._events.put(TaskFinished(ask, finished_task, bought))

        task.add_done_callback(finish)

    def stop(self, cause: BaseException | None = None) -> None:
        """End the loop early. Call it in the flow's thread only, for instance from `on_answer`.

        Args:
            cause: the error that `__exit__` raises. Without a cause, the early end is no error.
        """
        if self._cause is None:
            self._cause = cause or SearchStopped()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._refuse_asks()
        self._ready.release_unanswered()
        self._thread.join(JOIN_SECONDS)
        if error is None and self._cause is not None and not isinstance(self._cause, SearchStopped):
            raise self._cause
        if self._thread.is_alive():
            raise RuntimeError(
                f"the search's thread still runs {JOIN_SECONDS:.0f} s after it was stopped; it should end as soon as "
                "an ask raises SearchStopped; find the code in the optimizer that catches BaseException or that blocks"
            ) from error

    def _handle_waiting_events(self) -> None:
        """Update the state by the events that have arrived. Does not wait for others."""
        with suppress(queue.Empty):
            while True:
                self._handle(self._events.get_nowait())

    def _handle(self, event: Event) -> None:
        """Update the state by one event."""
        match event:
            case NewAsk(ask, answer):
                self._join_or_start(ask, answer)
            case NewScore(request, plan, answer):
                self._join_or_start(Score(request, plan, self._retrievals.get(plan), key=request.key(plan)), answer)
            case TrialEnded(trial):
                self._on_trial(trial)
            case TaskFinished(ask, task, bought):
                self._finish(ask, task, bought)
            case WorkFailed(error):
                self.stop(error)
            case WorkEnded():
                self._working = False

    def _join_or_start(self, ask: PaidAsk, answer: Future[Any]) -> None:
        """Give the stored answer, or wait for an equal ask that is in flight, or make the ask ready."""
        if ask.key in self._answers:
            _resolve([answer], self._answers[ask.key])
        elif equal_ask := self._in_flight.get(ask.key):
            equal_ask.waiting.append(answer)
        else:
            ask.waiting.append(answer)
            self._in_flight[ask.key] = ask
            self._ready.add(ask)

    def _finish(self, ask: Ask, task: AnswerFuture, bought: Callable[[Any], bool]) -> None:
        """Hand a finished task's result to the threads that wait for it, or stop because the task failed."""
        try:
            value = task.result()
        except Exception as error:
            self._ready.finished(ask, bought=False)
            if isinstance(error, BudgetUsedUp) and not isinstance(ask, Retrieve):
                # Other asks may still get their answers. The work decides what a used-up budget means for it.
                del self._in_flight[ask.key]
                _refuse(ask.waiting)
                return
            # The waiting threads get SearchStopped when the loop is left. Until then they must not act on the failure.
            self.stop(error)
            return
        self._ready.finished(ask, bought=bought(task))
        self._on_answer(ask, task)
        match ask:
            case Execute():
                # The work waits for the plan, and not for the execution.
                self._ready.add_execution(ask, task)
            case Retrieve():
                for execute, plan in zip(ask.executes, value, strict=True):
                    self._retrievals[plan] = task
                    self._resolve(execute, plan)
            case Score():
                self.verdicts.append(task)
                self._resolve(ask, value)
            case _:
                self._resolve(ask, value)

    def _resolve(self, ask: PaidAsk, value: Any) -> None:
        """Keep the answer of an ask, and give it to every thread that waits for it."""
        del self._in_flight[ask.key]
        self._answers[ask.key] = value
        _resolve(ask.waiting, value)

    def _refuse_asks(self) -> None:
        """Raise SearchStopped in every thread that waits for an answer, and in every thread that asks from now on."""
        with self._closing:
            self._closed = True
            unanswered = [answer for ask in self._in_flight.values() for answer in ask.waiting]
            while not self._events.empty():
                match self._events.get():
                    case NewAsk(_, answer) | NewScore(_, _, answer):
                        unanswered.append(answer)
                    case WorkFailed(error):
                        self.stop(error)
        _refuse(unanswered)


def _refuse(waiting: list[Future[Any]]) -> None:
    """Raise SearchStopped in every thread that waits for one of these futures."""
    for future in waiting:
        if not future.done():
            future.set_exception(SearchStopped())


def _resolve(waiting: list[Future[Any]], answer: Any) -> None:
    """Give the answer to every thread that waits for one of these futures."""
    for future in waiting:
        if not future.done():
            future.set_result(answer)
