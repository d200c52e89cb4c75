defmodule Pipeline.Loader.Keys do
  @moduledoc """
  What becomes of a key that nobody reads at its place: nothing is dropped in silence.

  One that pipeline_ex knows and this runtime cannot honour is an error with the reason, for without it the user would
  get something else than was asked for. One that changes nothing of a result, and one that is not known at all, is a
  warning. One that is close to a known key is an error: it is a slip of the pen.
  """

  alias Pipeline.Loader.{Note, Source}

  @refused %{
    "hooks" => "hooks run programs, and this runtime runs none",
    "mcp_servers" => "tools of MCP servers are not to be had here, only those of allowed_tools",
    "mcp_config" => "tools of MCP servers are not to be had here, only those of allowed_tools",
    "memory_config" => "steps are single questions: there is no memory to compact",
    "enable_context_management" => "no CLAUDE.md is read or kept: give the text as a part of the prompt",
    "enable_skills" => "skills run programs, and this runtime runs none",
    "skills" => "skills run programs, and this runtime runs none",
    "setting_sources" => "no settings are read from a project's folder: write them here",
    "agents" => "a step is one model: write a step for each agent",
    "session_config" => "there are no sessions: pass on an answer with previous_response",
    "session_id" => "there are no sessions: pass on an answer with previous_response",
    "resume" => "there are no sessions: pass on an answer with previous_response",
    "continue" => "there are no sessions: pass on an answer with previous_response",
    "conversation" => "there are no sessions: write a step for each turn, with previous_response",
    "batch_config" => "write the tasks as steps under parallel",
    "tasks" => "write the tasks as steps under parallel",
    "parallel_tasks" => "write the tasks as steps under parallel",
    "options" => "write the settings of a claude step in claude_options",
    "top_p" => "is not sent to any provider: use temperature",
    "top_k" => "is not sent to any provider: use temperature",
    "stop_sequences" => "is not sent to any provider",
    "permission_mode" => "there is nobody to ask for permission: name the tools in allowed_tools",
    "permission_prompt_tool" => "there is nobody to ask for permission: name the tools in allowed_tools",
    "post_processing" => "an answer is handed on as it is, not rewritten",
    "include_metadata" => "an answer is handed on as it is, nothing is added to it",
    "max_summary_length" => "an answer is handed on as it is: say in the prompt how long it may be",
    "extract_with" => "name the place in the structured answer with extract",
    "claude_options" => "it is for steps that ask claude",
    "preset" => "it is for steps that ask claude",
    "via" => "it is for steps that ask claude",
    "schema" => "it is for claude_extract and gemini_extract",
    "extraction_config" => "it is for claude_extract and gemini_extract",
    "functions" => "it is for gemini_instructor",
    "gemini_functions" => "they are defined at the workflow",
    "retry_config" => "it is for steps that ask a model, beside their type",
    "output_to_file" => "it is for the steps of a group, not for the group",
    "prompt" => "it is for steps that ask a model",
    "steps" => "steps within a step are written under parallel",
    "for_each" => "loops are not supported",
    "on_error" => "a step that fails fails the run",
    "continue_on_error" => "a step that fails fails the run",
    "streaming" => "values are passed as a whole",
    "lazy" => "values are passed as a whole"
  }

  @without_effect %{
    "role" => "a label",
    "environment" => "presets are named, not chosen by an environment",
    "environment_aware" => "presets are named, not chosen by an environment",
    "checkpoint_enabled" => "every run begins at its first step",
    "checkpoint_dir" => "every run begins at its first step",
    "workspace_dir" => "every run has a new workspace of its own; --workspace DIR names one",
    "cwd" => "file tools work in the run's workspace",
    "max_input_tokens" => "the length of a prompt is not limited here",
    "verbose" => "how much is said does not depend on the pipeline",
    "print" => "how much is said does not depend on the pipeline",
    "debug_mode" => "how much is said does not depend on the pipeline",
    "debug_level" => "how much is said does not depend on the pipeline",
    "pass_through_streaming" => "how much is said does not depend on the pipeline",
    "telemetry_enabled" => "usage is always reported",
    "cost_tracking" => "usage and cost are always reported",
    "use_content_extractor" => "structured answers come by the provider's own means",
    "claude_output_format" => "it is about the claude program's transcript, an answer is the same",
    "backoff_strategy" => "waits between tries grow exponentially, with jitter",
    "base_delay_ms" => "waits between tries grow exponentially, with jitter",
    "max_delay_ms" => "waits between tries grow exponentially, with jitter",
    "retry_conditions" => "what the provider is at fault for is tried again, nothing else is",
    "retry_on" => "what the provider is at fault for is tried again, nothing else is",
    "fallback_action" => "a step that fails after its last try fails the run, no answer is made up for it"
  }

  @spec notes(map(), [String.t()], Source.place()) :: [Note.t()]
  def notes(map, known, place) do
    for {key, value} <- Enum.sort(map), key not in known, note = note(key, value, known, place), do: note
  end

  defp note(key, value, known, place) do
    near = Note.nearest(key, known)

    case {@refused, @without_effect} do
      {%{^key => reason}, _} -> Note.error([key | place], "cannot be honoured: #{reason}")
      # To switch off what is not there anyway is no news.
      {_, %{^key => _}} when value in [false, nil] -> nil
      {_, %{^key => reason}} -> Note.warning([key | place], "has no effect: #{reason}")
      _ when near != "" -> Note.error([key | place], "is not known here#{near}")
      _ -> Note.warning([key | place], "is not known here and has no effect")
    end
  end
end
