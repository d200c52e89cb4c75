"""The line that says best why a program failed, for common programs."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.execution.useful_line import SHOWN, useful_line

PYTHON = """\
loading the model
Traceback (most recent call last):
  File "planner.py", line 3, in <module>
    main()
  File "planner.py", line 2, in main
    raise QuotaUsedUp("come back tomorrow")
QuotaUsedUp: come back tomorrow
"""
CHAINED = """\
Traceback (most recent call last):
  File "a.py", line 1, in <module>
KeyError: 'plan'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "a.py", line 3, in <module>
ValueError: the reply has no plan
Sentry is attempting to send 1 pending events
"""
ELIXIR = """\
warning: variable "x" is unused
** (RuntimeError) the model's reply is empty
    (pipeline 1.0.0) lib/pipeline.ex:12: Pipeline.run/1
    (elixir 1.14.0) lib/enum.ex:975: Enum."-each/2-lists^foreach/1-0-"/2
    (mix 1.14.0) lib/mix/cli.ex:84: Mix.CLI.run_task/2
"""
COMPILATION = """\
== Compilation error in file lib/a.ex ==
** (SyntaxError) lib/a.ex:3:1: unexpected token: end
    (elixir 1.14.0) lib/kernel/parallel_compiler.ex:346: anonymous fn/5
"""
ERLANG = """\
{"init terminating in do_boot",{undef,[{x,start,[],[]}]}}
init terminating in do_boot ({undef,[{x,start,[],[]}]})

Crash dump is being written to: erl_crash.dump...done
"""
NODE = """\
/app/planner.js:3
  throw new TypeError('plan is undefined')
  ^

TypeError: plan is undefined
    at main (/app/planner.js:3:9)
    at Object.<anonymous> (/app/planner.js:5:1)

Node.js v20.11.0
"""
NODE_CODE = (
    "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'openai'\n    at x (node:internal/x:1)\n\nNode.js v20.1.0\n"
)
RUST = "thread 'main' panicked at src/main.rs:4:5:\nno plan in the reply\nnote: run with `RUST_BACKTRACE=1`\n"
GO = "panic: no plan in the reply\n\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:4 +0x1d\nexit status 2\n"
RUBY = "planner.rb:1:in `main': no plan (RuntimeError)\n\tfrom planner.rb:3:in `<main>'\n"
JAVA = 'Exception in thread "main" java.lang.IllegalStateException: no plan\n\tat Main.main(Main.java:3)\n'
NPM = "npm ERR! code ENOENT\nnpm ERR! A complete log of this run can be found in:\nnpm ERR!     /home/user/.npm/x.log\n"
ASDF = "No version is set for command mix\nConsider adding one of the following versions\nelixir 1.14\n"


@pytest.mark.parametrize(
    ("stderr", "line"),
    [
        (PYTHON, "QuotaUsedUp: come back tomorrow"),
        (CHAINED, "ValueError: the reply has no plan"),
        (ELIXIR, "** (RuntimeError) the model's reply is empty"),
        (COMPILATION, "** (SyntaxError) lib/a.ex:3:1: unexpected token: end"),
        (ERLANG, "init terminating in do_boot ({undef,[{x,start,[],[]}]})"),
        (NODE, "TypeError: plan is undefined"),
        (NODE_CODE, "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'openai'"),
        (RUST, "thread 'main' panicked at src/main.rs:4:5: no plan in the reply"),
        (GO, "panic: no plan in the reply"),
        (RUBY, "planner.rb:1:in `main': no plan (RuntimeError)"),
        (JAVA, 'Exception in thread "main" java.lang.IllegalStateException: no plan'),
        (NPM, "npm ERR! code ENOENT"),
        (ASDF, "No version is set for command mix"),
        ("sh: 1: jq: not found\n", "sh: 1: jq: not found"),
        ("error: no key\nUsage: planner [OPTIONS]\nFor more information, try '--help'.\n", "error: no key"),
        ("fatal: not a git repository\ncleaning up\ndone\n", "fatal: not a git repository"),
        ("2026-01-02 10:00:00 [error] the model is gone\n2026-01-02 10:00:01 [info] bye\n", "the model is gone"),
        ("could not reach the model\nbye\n", "could not reach the model"),
        ("warning: the cache could not be read\nthe reply was empty\n", "the reply was empty"),
        ("\x1b[31mERROR: no plan\x1b[0m\n", "ERROR: no plan"),
        ("10 %\r50 %\r100 %\rError: no plan\n^^^^\n", "Error: no plan"),
        ("first\nboom\n", "boom"),
        ("❌ rate limit: slow down\n** (exit) 1\n", "❌ rate limit: slow down"),
        ("----\n====\n", "===="),
    ],
)
def test_the_line_that_says_why_is_shown(stderr: str, line: str) -> None:
    """Stack frames, hints, version notes and log lines of lower levels are passed over."""
    assert line in useful_line(stderr)
    assert len(useful_line(stderr).splitlines()) == 1


def test_standard_output_gives_the_line_if_standard_error_is_empty() -> None:
    """A program that printed nothing is reported as such."""
    assert useful_line(" \n", "a plan\nError: out of credit\n") == "Error: out of credit"
    assert useful_line("", "") == "it printed nothing"
    assert useful_line("boom", "Error: other") == "boom"


@pytest.mark.parametrize("filler", ["a", " ", "at x\n", ": (", "Error ", "\x1b]", "[\n", "\r", "error"])
def test_a_megabyte_takes_bounded_time(filler: str) -> None:
    """The line is cut to what a message can show."""
    started = time.process_time()
    line = useful_line(filler * (1_000_000 // len(filler)))
    assert len(line) <= SHOWN
    assert time.process_time() - started < 5


@given(st.text())
def test_no_output_makes_the_choice_fail(text: str) -> None:
    """A program may print anything."""
    assert useful_line(text)
