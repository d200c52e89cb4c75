"""Proofs of an answer for each step of a pipeline file, in loops and batches, too."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.pipeline_ex_log import (
    ASKED,
    SAVED,
    TYPES,
    classified,
    recording,
    run_log,
    saved,
)
from tests.support.pipeline_ex_messages import (
    NOW,
    PLAN,
    message,
    ran,
    reply_line,
    result_line,
)
from workbench.execution.pipeline_ex.outcome import classify


def smart(name: str = "Smart") -> tuple[str, ...]:
    return (
        f"{NOW} [info] 🎯 Executing Claude {name} step: s",
        f"{NOW} [debug] 💪 Enhanced Claude Provider querying with prompt length: 5",
        f"{NOW} [debug] 📋 Received 1 messages from Claude SDK",
        f"{NOW} [info] ✅ Claude {name} step completed successfully",
    )


def debugged(*types: tuple[str, str | None]) -> dict[str, Any]:
    return {"debug_info": {"message_types": [{"type": kind, "subtype": subtype} for kind, subtype in types]}}


MAX_TURNS = message("result", subtype="error_max_turns", is_error=False, num_turns=5)
ASSISTANT = ("assistant", None)
RESULT = ("result", "success")


@pytest.mark.parametrize(
    ("fields", "text", "kind"),
    [
        ({"session_id": "s", "cost": 0.01}, PLAN, "ok"),
        ({"session_id": "unknown-session-7", "cost": 0.01}, PLAN, "ok"),
        ({"session_id": "s", "cost": 0}, PLAN, "no result"),
        ({"session_id": "s", "cost": 0, **debugged(ASSISTANT, RESULT)}, PLAN, "ok"),
        ({"session_id": "s", "cost": 0, **debugged(("system", "init"), ASSISTANT)}, PLAN, "no result"),
        ({"session_id": "unknown-session-7", "cost": 0, **debugged(ASSISTANT, ASSISTANT)}, PLAN, "no result"),
        # All output was one JSON document. pipeline_ex keeps its text and drops the result.
        ({"session_id": "unknown-session-7", "cost": 0, **debugged(ASSISTANT)}, PLAN, "no result"),
        ({"session_id": "unknown-session-7", "cost": 0, **debugged(ASSISTANT)}, "fatal: bad key", "no result"),
        ({"session_id": "unknown-session-7", "cost": 0, "extraction_applied": True}, PLAN, "no result"),
        (
            {"session_id": "unknown-session-7", "cost": 0, **debugged(ASSISTANT)},
            "## Extracted Content\n\nfatal: bad key\n",
            "no result",
        ),
        # Without `verbose`, the document holds only the result.
        ({"session_id": "unknown-session-7", "cost": 0}, result_line(PLAN), "ok"),
        ({"session_id": "unknown-session-7", "cost": 0}, result_line(PLAN, True), "no result"),
        # The output format stream_json: the last result counts.
        (
            {"session_id": "s", "cost": 0, **debugged(("system", "init"), ASSISTANT)},
            f"{reply_line(PLAN)}\n{result_line(PLAN)}",
            "ok",
        ),
        ({"session_id": "s", "cost": 0}, f"{reply_line(PLAN)}\n{result_line(PLAN, True)}", "no result"),
        (
            {"session_id": "s", "cost": 0},
            f"{reply_line(PLAN)}\n{result_line(PLAN)}\n{result_line(PLAN, True)}",
            "no result",
        ),
        ({"session_id": "s", "cost": 0}, f"{reply_line(PLAN)}\n{MAX_TURNS}", "turn limit"),
        ({"session_id": "s", "cost": 0}, reply_line(PLAN), "no result"),
        (
            {"session_id": "s", "cost": 0, **debugged(ASSISTANT, RESULT, ("result", "error_max_turns"))},
            PLAN,
            "no result",
        ),
        # An error after the texts of earlier turns.
        ({"session_id": "s", "cost": 0.1}, f"Plan:\n```yaml\n{PLAN}```\nAPI Error: 529 overloaded", "rate limit"),
        # claude_extract with the format json puts the answer into JSON.
        (
            {"session_id": "s", "cost": 0},
            json.dumps({"content": f"{reply_line(PLAN)}\n{result_line(PLAN)}", "format": "json"}),
            "ok",
        ),
        ({"session_id": "s", "cost": 0}, json.dumps({"content": PLAN, "format": "json"}), "no result"),
    ],
)
def test_a_step_whose_questions_are_not_logged_is_proved_by_its_saved_output(
    fields: dict[str, Any], text: str, kind: str
) -> None:
    """The output proves the answer by its cost, its messages or their types."""
    assert ran(*smart(), files=saved(text, **fields)).kind == kind


def test_parts_of_messages_that_are_no_text_are_left_out_of_a_plan() -> None:
    """A claude step prints the use of a tool between the texts. Only the texts belong to the plan."""
    run = recording("run_tool_use")
    outcome = classified(run)
    assert outcome.text is not None
    assert outcome.text.startswith("Here is the pipeline:")
    assert "tool_use" not in outcome.text


def test_every_step_has_to_be_proved() -> None:
    """A run fails if a claude_smart step before the good step failed or saved nothing."""
    answered = (*ASKED, f"{NOW} [debug] 📋 {TYPES}")
    first = f"{NOW} [info] 💾 Saved step output to: /run/out/first"
    good = {"/run/out/first": json.dumps({"success": True, "text": "An idea.", "session_id": "s", "cost": 0.01})}
    bad = {
        "/run/out/first": json.dumps({"success": True, "text": "fatal", "session_id": "unknown-session-1", "cost": 0})
    }
    limit = {"/run/out/first": good["/run/out/first"].replace("An idea.", "5-hour limit reached")}
    assert ran(*smart(), *answered).kind == "no result"
    assert ran(*smart(), first, *answered, files={**saved(PLAN), **good}).kind == "ok"
    assert ran(*smart(), first, *answered, files={**saved(PLAN), **bad}).kind == "no result"
    assert ran(*smart(), first, *answered, files={**saved(PLAN), **limit}).kind == "rate limit"


def test_a_loop_and_a_batch_save_all_their_answers() -> None:
    """Each answer counts and has to be good. loop.ex and claude_batch.ex save them in this form."""
    good = {"success": True, "text": "An idea.", "session_id": "s", "cost": 0.01}
    limit, silent = {**good, "text": "5-hour limit reached"}, {**good, "cost": 0}
    answered = (*ASKED, f"{NOW} [debug] 📋 {TYPES}")
    first = f"{NOW} [info] 💾 Saved step output to: /run/out/first"
    batched = f"{NOW} [info] ✅ Claude Batch step completed successfully: 2 tasks processed"
    for answers, kind in (((good, good), "ok"), ((good, limit), "rate limit"), ((silent, good), "no result")):
        loop = {
            "success": True,
            "iterations": [{"index": 0, "success": True, "results": {"s": answer}} for answer in answers],
        }
        batch = {
            "success": True,
            "text": "x",
            "batch_results": [{"status": "success", "result": answer} for answer in answers],
        }
        for log, output in (((*smart(), *smart()), loop), ((batched,), batch)):
            files = {**saved(PLAN), "/run/out/first": json.dumps(output)}
            assert ran(*log, first, *answered, files=files).kind == kind
            assert ran(*log, *smart(), first, *answered, files=files).status == "failed"


def test_the_plan_is_in_the_named_file() -> None:
    """Without a name, the file that was saved last is the plan."""
    last = f"{NOW} [info] 💾 Saved step output to: /run/out/plan.json_2"
    files = {**saved(PLAN), "/run/out/plan.json_2": "polished"}
    log = run_log(*ASKED, f"{NOW} [debug] 📋 {TYPES}", SAVED[0], last, SAVED[1])
    assert classify(0, log, "", files, "plan.json").text == PLAN
    assert classify(0, log, "", files).text == "polished"


@pytest.mark.parametrize(
    "failed",
    [
        "❌ For loop iteration 1 failed: [http_error] overloaded (HTTP 503)",
        "❌ Parallel iteration 1 failed: Query timed out after 300000ms",
        "❌ Batch iteration 2 failed: x",
    ],
)
def test_a_step_that_failed_in_a_loop_fails_the_run(failed: str) -> None:
    """This holds although the loop itself ends well."""
    assert ran(f"{NOW} [error] {failed}", *ASKED, f"{NOW} [debug] 📋 {TYPES}").kind == "crashed"
