defmodule Pipeline.Loader.Keys do
  @moduledoc """
  Notes the keys of a pipeline file that the runtime does not read at their place. No key is ignored silently.

    * A key that pipeline_ex knows and this runtime does not support is an error with the reason. Without the error, the result
      would not be the one that the file asks for.
    * A key that is close to a known key is an error: it is probably misspelled.
    * A key of pipeline_ex that does not change results is a warning. A key that is not known at all is a warning, too.
  """

  alias Pipeline.Loader.{Note, Source}

  @refused %{
    "hooks" => "hooks run programs, and this runtime runs none",
    "mcp_servers" => "there are no tools of MCP servers: use those of allowed_tools",
    "mcp_config" => "there are no tools of MCP servers: use those of allowed_tools",
    "memory_config" => "each step is a separate question: there is no memory to compact",
    "enable_context_management" => "no CLAUDE.md is read or kept: give the text as a part of the prompt",
    "enable_skills" => "skills run programs, and this runtime runs none",
    "skills" => "skills run programs, and this runtime runs none",
    "setting_sources" => "no settings are read from a project's folder: write them in this file",
    "agents" => "a step asks one model: write a step for each agent",
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
    "permission_mode" => "nobody can be asked for permission: name the tools in allowed_tools",
    "permission_prompt_tool" => "nobody can be asked for permission: name the tools in allowed_tools",
    "post_processing" => "answers are passed on unchanged",
    "include_metadata" => "answers are passed on unchanged: nothing is added to them",
    "max_summary_length" => "answers are passed on unchanged: say in the prompt how long the answer may be",
    "extract_with" => "name the place in the structured answer with extract",
    "claude_options" => "only steps that ask claude have this key",
    "preset" => "only steps that ask claude have this key",
    "via" => "only steps that ask claude have this key",
    "schema" => "only claude_extract and gemini_extract have this key",
    "extraction_config" => "only claude_extract and gemini_extract have this key",
    "functions" => "only gemini_instructor has this key",
    "gemini_functions" => "define the functions in the workflow, not in a step",
    "retry_config" => "only steps that ask a model have this key: write it beside type",
    "output_to_file" => "only the steps of a group have this key, not the group itself",
    "prompt" => "only steps that ask a model have this key",
    "steps" => "write the steps of a group under parallel",
    "for_each" => "loops are not supported",
    "on_error" => "if a step fails, the run fails",
    "continue_on_error" => "if a step fails, the run fails",
    "streaming" => "values are passed as a whole",
    "lazy" => "values are passed as a whole"
  }

  @without_effect %{
    "role" => "it is only a label",
    "environment" => "a step names its preset: no environment chooses it",
    "environment_aware" => "a step names its preset: no environment chooses it",
    "checkpoint_enabled" => "every run begins at its first step",
    "checkpoint_dir" => "every run begins at its first step",
    "workspace_dir" => "every run has its own new workspace; --workspace DIR names another",
    "cwd" => "file tools work in the run's workspace",
    "max_input_tokens" => "the runtime does not limit the length of prompts",
    "verbose" => "the pipeline does not control how much is printed",
    "print" => "the pipeline does not control how much is printed",
    "debug_mode" => "the pipeline does not control how much is printed",
    "debug_level" => "the pipeline does not control how much is printed",
    "pass_through_streaming" => "the pipeline does not control how much is printed",
    "telemetry_enabled" => "usage is always reported",
    "cost_tracking" => "tokens are always reported, prices never",
    "use_content_extractor" => "structured answers always use the provider's own means",
    "claude_output_format" => "it changes the claude program's transcript, not the answer",
    "backoff_strategy" => "waits between tries grow exponentially, with jitter",
    "base_delay_ms" => "waits between tries grow exponentially, with jitter",
    "max_delay_ms" => "waits between tries grow exponentially, with jitter",
    "retry_conditions" => "a call is repeated only if the provider failed",
    "retry_on" => "a call is repeated only if the provider failed",
    "fallback_action" =>
      "if a step fails after its last retry, the run fails: nothing takes the place of its answer"
  }

  @doc "Return notes on the keys of `map` that are not in `known`."
  @spec notes(map(), [String.t()], Source.place()) :: [Note.t()]
  def notes(map, known, place) do
    for {key, value} <- Enum.sort(map), key not in known, note = note(key, value, known, place), do: note
  end

  defp note(key, value, known, place) do
    near = Note.nearest(key, known)

    case {@refused, @without_effect} do
      {%{^key => reason}, _} -> Note.error([key | place], "is not supported here: #{reason}")
      # Switching off a feature that does not exist needs no warning.
      {_, %{^key => _}} when value in [false, nil] -> nil
      {_, %{^key => reason}} -> Note.warning([key | place], "has no effect: #{reason}")
      _ when near != "" -> Note.error([key | place], "is not known here#{near}")
      _ -> Note.warning([key | place], "is not known here and has no effect")
    end
  end
end
