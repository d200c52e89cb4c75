"""Defines the views of the ledger, for people and their queries.

trials       one row for each trial: its score, and what the run paid for its execution and its verdict
executions   one row for each execution that a run needed, also if it failed
verdicts     one row for each answer of the judge that a run needed; in a search, equal plans share one
proposals    one row for each answer of the proposer that a run needed
paid         what a run paid for each answer, failed calls included

Each row of the first four views names study, commit, models and run. A calibration of a judge has no trials. Its
executions and verdicts have the `kind` "calibration", and no `outcome` if another run has paid for them.

`outcome` is "ok", "kept" for an answer that an earlier run paid for, "invalid plan", "not executed", or the kind of a
failure. `dollars` is NULL if the run paid nothing. Trials that share an execution or a verdict each show its whole
amount. So add up the table `calls`, and not the trials, to get what a run cost.
"""

from __future__ import annotations

#: The query of each view, by name. A view comes after the views that it uses.
VIEWS = {
    "paid": """
SELECT run, action, key, COUNT(*) AS calls, SUM(seconds) AS seconds,
       CAST(SUM(input_tokens) AS BIGINT) AS input_tokens, CAST(SUM(output_tokens) AS BIGINT) AS output_tokens,
       SUM(dollars) AS dollars, MAX(answered_by) AS answered_by, MAX(at) AS at,
       CASE WHEN MAX(CASE WHEN outcome = 'ok' THEN 1 ELSE 0 END) = 1 THEN 'ok' ELSE MAX(outcome) END AS outcome
FROM calls
GROUP BY run, action, key
""",
    "trials": """
SELECT r.study, r."commit", r.models, r.rehearsal, r.run, s.phase, s.candidate, s.goal, s.replicate, s.outcome,
       s.score, s.reason, e.seconds, v.seconds AS verdict_seconds,
       CASE WHEN COALESCE(e.input_tokens, v.input_tokens) IS NULL THEN NULL
            ELSE COALESCE(e.input_tokens, 0) + COALESCE(v.input_tokens, 0) END AS input_tokens,
       CASE WHEN COALESCE(e.output_tokens, v.output_tokens) IS NULL THEN NULL
            ELSE COALESCE(e.output_tokens, 0) + COALESCE(v.output_tokens, 0) END AS output_tokens,
       CASE WHEN COALESCE(e.dollars, v.dollars) IS NULL THEN NULL
            ELSE COALESCE(e.dollars, 0) + COALESCE(v.dollars, 0) END AS dollars,
       s.execution, s.at
FROM scores s
JOIN runs r ON r.run = s.run
LEFT JOIN paid e ON e.run = s.run AND e.action = 'execute' AND e.key = s.execution
LEFT JOIN (SELECT t.run, t.phase, t.candidate, t.goal, t.replicate, SUM(p.seconds) AS seconds,
                  CAST(SUM(p.input_tokens) AS BIGINT) AS input_tokens,
                  CAST(SUM(p.output_tokens) AS BIGINT) AS output_tokens, SUM(p.dollars) AS dollars
           FROM score_verdicts t
           JOIN paid p ON p.run = t.run AND p.action = 'score' AND p.key = t.verdict
           GROUP BY t.run, t.phase, t.candidate, t.goal, t.replicate) v
       ON v.run = s.run AND v.phase = s.phase AND v.candidate = s.candidate AND v.goal = s.goal
          AND v.replicate = s.replicate
""",
    "executions": """
SELECT r.study, r.kind, r."commit", r.models, r.rehearsal, r.run, a.candidate, a.goal, a.replicate,
       CASE WHEN p.outcome IS NOT NULL THEN p.outcome WHEN s.key IS NOT NULL THEN 'kept' END AS outcome,
       p.calls, p.seconds, p.input_tokens, p.output_tokens, p.dollars, p.answered_by, a.key,
       COALESCE(p.at, s.at) AS at
FROM asks a
JOIN runs r ON r.run = a.run
LEFT JOIN paid p ON p.run = a.run AND p.action = a.action AND p.key = a.key
LEFT JOIN (SELECT run, execution AS key, MIN(at) AS at FROM scores GROUP BY run, execution) s
       ON s.run = a.run AND s.key = a.key
WHERE a.action = 'execute'
""",
    "verdicts": """
SELECT r.study, r.kind, r."commit", r.models, r.rehearsal, r.run, a.candidate, a.goal, a.replicate,
       CASE WHEN p.outcome IS NOT NULL THEN p.outcome WHEN s.outcome = 'invalid plan' THEN s.outcome
            WHEN s.key IS NOT NULL THEN 'kept' END AS outcome,
       s.score, s.reason, p.calls, p.seconds, p.input_tokens, p.output_tokens, p.dollars, p.answered_by, a.key,
       COALESCE(p.at, s.at) AS at
FROM asks a
JOIN runs r ON r.run = a.run
LEFT JOIN paid p ON p.run = a.run AND p.action = a.action AND p.key = a.key
LEFT JOIN judged s ON s.run = a.run AND s.key = a.key
WHERE a.action = 'score'
""",
    "proposals": """
SELECT r.study, r.kind, r."commit", r.models, r.rehearsal, r.run, COALESCE(p.outcome, 'kept') AS outcome, p.calls,
       p.seconds, p.input_tokens, p.output_tokens, p.dollars, p.answered_by, a.key, p.at
FROM asks a
JOIN runs r ON r.run = a.run
LEFT JOIN paid p ON p.run = a.run AND p.action = a.action AND p.key = a.key
WHERE a.action = 'propose'
""",
}
