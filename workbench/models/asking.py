"""Asks a model until it gives a usable answer, within one time limit."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from workbench.errors import ModelNotFound, OutsideError
from workbench.foreign_text import scrubbed
from workbench.models.call_failed import CallFailed
from workbench.models.calling import call_in_thread
from workbench.models.reply import Ending, ModelCall, Reply
from workbench.models.suggestions import suggestions
from workbench.models.text import UnusableText, shortened, take_in
from workbench.money import price
from workbench.money.meter import Meter
from workbench.provider_table import PROGRAM
from workbench.providers import Provider, same_model

T = TypeVar("T")

#: How often a model is asked for one answer, at most. Each call has another seed: the same seed gives the same reply.
ASKS = 3
#: The most tokens that a provider may add to a request: the names of roles, and the instructions for a schema.
FRAME_TOKENS = 2_000
#: The most tokens of the claude program's own instructions, which it adds to each request. A newer version may add more
#: than today's, so there is room.
PROGRAM_TOKENS = 40_000


@dataclass(frozen=True)
class Role:
    """The part that a model plays.

    Attributes:
        name: the name of the role, which is also its key in a study: "judge" or "proposer".
        error: the type of the error for a missing answer.
    """

    name: str
    error: type[OutsideError]


@dataclass(frozen=True)
class Answer(Generic[T]):
    """A usable answer. `other_model` is the model that answered if it is not the model that was asked, else None."""

    value: T
    other_model: str | None


@dataclass(frozen=True)
class _Rejection:
    """Why a reply is no answer.

    Attributes:
        kind: the word under which the failure is counted.
        problem: the reason in words.
        lasting: as in `OutsideError`.
        final: True if the model should not be asked again for this answer.
    """

    kind: str
    problem: str
    lasting: bool
    final: bool = False


def ask(role: Role, call: ModelCall, read: Callable[[str], T], meter: Meter) -> Answer[T]:
    """Return the answer in the first complete reply that `read` can use.

    After a reply that is cut off, refused or unusable, the model is asked again with another seed, at most `ASKS` times
    in all. A prompt that the provider refuses is sent once.

    Args:
        role: the part that the model plays, for the errors.
        call: the call. Its `seconds` are the time limit of all calls together.
        read: returns the value of a reply's text. It raises UnusableText if the text cannot be used.
        meter: adds up what each reply used, even if the reply is no answer.

    Raises:
        BudgetUsedUp: the run's budget in dollars does not allow another call.
        MissingKey: the provider's key is not in the environment.
        ModelNotFound: the provider does not know the model.
        OutsideError: there is no usable answer. The error is of the role's type.
    """
    key = call.provider.key()
    largest = largest_cost(call) if meter.budgeted else None
    deadline = time.monotonic() + call.seconds
    for number in range(ASKS):
        error: Exception | None = None
        seed = None if call.seed is None else (call.seed + number * 0x9E3779B1) & 0x7FFFFFFF
        seconds = deadline - time.monotonic()
        try:
            with meter.call(_full_name(call), largest):
                reply = _metered(replace(call, seed=seed, seconds=max(0.01, seconds)), key, call.seconds, meter)
        except CallFailed as failed_call:
            error = _error(role, call, key, failed_call)
        if error is not None:
            # Raised here, after the handler, so that no traceback shows the client's error, which may hold the key.
            raise error
        value = _value(reply, read)
        if not isinstance(value, _Rejection):
            return Answer(value, _other_model(call, reply))
        rejection = value
        if rejection.final:
            break
    raise _no_answer(role, call, key, rejection, number + 1)


def _value(reply: Reply, read: Callable[[str], T]) -> T | _Rejection:
    """Return the value of a reply, or why the reply is no answer."""
    if reply.ending is not Ending.COMPLETE:
        problem = f"the provider {'refused the prompt' if reply.final else 'ended the reply'} ({reply.reason})"
        lasting = reply.ending is not Ending.PASSING
        return _Rejection(reply.ending.value, problem, lasting, final=reply.final or reply.ending is Ending.LASTING)
    try:
        return read(reply.text)
    except UnusableText as unusable:
        excerpt = take_in(reply.text[:200])
        problem = f"{unusable}; the reply begins with {excerpt!r}" if excerpt else str(unusable)
        return _Rejection("unusable reply", problem, lasting=True)


def _no_answer(role: Role, call: ModelCall, key: str, rejection: _Rejection, asks: int) -> OutsideError:
    """Return the error for a model that was asked `asks` times and gave no answer, without the provider's key."""
    kind, times = rejection.kind, "once" if asks == 1 else f"{asks} times"
    return role.error(
        scrubbed(
            f"the {role.name} {call.model} at {call.provider.base_url} gave no usable answer ({kind}), asked {times}: "
            f"{rejection.problem}; expected a complete answer; {_remedy(role, kind)}",
            [key],
        ),
        kind=kind,
        lasting=rejection.lasting,
    )


def largest_cost(call: ModelCall) -> float | None:
    """Return the most that one call can cost, in dollars, or None if its model has no known price.

    A token has at least one byte, so the texts of the request have at most as many tokens as bytes. The provider adds
    tokens of its own. Without a limit, the reply may fill the model's context window.
    """
    name, model, api_base = call.provider.name, call.model, _api_base(call.provider)
    texts = [call.system or "", json.dumps(call.schema or {}), *(text for _, text in call.messages)]
    frame = PROGRAM_TOKENS if name == PROGRAM else FRAME_TOKENS
    input_tokens = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) + frame
    output_tokens = call.max_tokens or price.context_tokens(name, model, api_base=api_base)
    if output_tokens is None:
        return None
    return price.largest(name, model, input_tokens, output_tokens, api_base=api_base)


def _api_base(provider: Provider) -> str | None:
    """Return the address whose prices apply, or None for the provider's own prices."""
    return provider.api_base if provider.named_by_study else None


def _metered(call: ModelCall, key: str, seconds: float, meter: Meter) -> Reply:
    """Call the model in a thread, report to the meter what the call used, and return the reply.

    Args:
        seconds: the time limit of all calls for one answer, for the message.
    """
    try:
        reply = call_in_thread(call, key, seconds)
        # The reply's text is not shortened here, because the caller knows how long the text may be.
        reply = replace(reply, reason=shortened(reply.reason), model=shortened(reply.model))
    except CallFailed as failed_call:
        if not failed_call.charged:
            meter.free()
        _report_use(call, failed_call, shortened(failed_call.model), meter)
        raise
    _report_use(call, reply, reply.model, meter)
    return reply


def _report_use(call: ModelCall, result: Reply | CallFailed, answering_model: str, meter: Meter) -> None:
    """Report to the meter the dollars that a result of a call tells, or else its tokens. A failure may tell them."""
    if result.dollars is not None:
        meter.charge(_full_name(call), result.dollars, result.tokens)
    elif result.tokens is not None:
        same = not answering_model or same_model(call.model, answering_model)
        model = call.model if same else answering_model
        meter.use(call.provider.name, model, result.tokens, api_base=_api_base(call.provider))


def _full_name(call: ModelCall) -> str:
    """Return the model of a call as PROVIDER/NAME."""
    return f"{call.provider.name}/{call.model}"


def _error(role: Role, call: ModelCall, key: str, failed_call: CallFailed) -> Exception:
    """Return the error for a failed call, without the provider's key."""
    failure, provider = failed_call.failure, call.provider
    # Remove the key before the text is cut: a key that is cut in two would not be recognised.
    message = shortened(scrubbed(failed_call.message, [key]))
    if failure.unknown_model:
        return ModelNotFound(
            scrubbed(
                f"{role.name}.model: {provider.name} at {provider.base_url} does not know the model {call.model} "
                f"({message}); expected a model that it has, such as {' or '.join(suggestions(call, key))}; change "
                f"{role.name}.model in the study",
                [key],
            )
        )
    hint = f"; {failure.hint}" if failure.hint else ""
    return role.error(
        scrubbed(
            f"the {role.name} {call.model} at {provider.base_url} failed ({failure.kind}): {message}{hint}", [key]
        ),
        kind=failure.kind,
        lasting=failure.lasting,
        wait_seconds=failure.wait_seconds,
    )


def _other_model(call: ModelCall, reply: Reply) -> str | None:
    """Return the model that answered if it is not the model that was asked, else None."""
    return reply.model if reply.model and not same_model(call.model, reply.model) else None


def _remedy(role: Role, kind: str) -> str:
    """Return what a person can do about a missing answer of this kind."""
    if kind == Ending.PASSING.value:
        return "run the same command again"
    if kind == Ending.LASTING.value:
        return "ask the provider why, or use another account"
    return f"name another {role.name}.model in the study, or run the same command again"
