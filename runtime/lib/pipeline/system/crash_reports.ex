defmodule Pipeline.System.CrashReports do
  @moduledoc """
  Keeps prompts, plans and tokens out of the log: what OTP reports of a process that crashed has its state, its last
  message and its arguments in it. What is left names the exception and where it was raised.
  """

  @doc "Log to standard error, and reports of crashes without their values."
  @spec install() :: :ok
  def install do
    # Logger writes to standard output by default, where a client reads one line and no more. Mix has started it, and
    # would start it anew for another application: 1.14's way, and 1.15's.
    Application.put_env(:logger, :console, [device: :standard_error], persistent: true)
    Application.put_env(:logger, :default_handler, [config: %{type: :standard_error}], persistent: true)
    redirect()

    case :logger.add_primary_filter(__MODULE__, {&__MODULE__.without_values/2, []}) do
      :ok -> :ok
      {:error, {:already_exist, _}} -> :ok
    end
  end

  defp redirect do
    case :logger.get_handler_config(:default) do
      # The type of a handler cannot be changed once it runs.
      {:ok, %{module: :logger_std_h, config: %{type: :standard_io}} = handler} ->
        :ok = :logger.remove_handler(:default)
        kept = Map.take(handler, [:level, :filters, :filter_default, :formatter])
        :ok = :logger.add_handler(:default, :logger_std_h, Map.put(kept, :config, %{type: :standard_error}))

      {:ok, _} ->
        :ok

      # Called as it is here, since it is deprecated where it is not needed.
      {:error, _} ->
        :ok = apply(Logger, :configure_backend, [:console, [device: :standard_error]])
    end
  end

  @doc false
  @spec without_values(:logger.log_event(), term()) :: :logger.filter_return()
  def without_values(%{msg: {:report, report}, level: level} = event, _) when level in [:error, :critical] do
    %{
      event
      | msg: {:string, "a process crashed: #{reason(report)}"},
        meta: Map.drop(event.meta, [:crash_reason, :report_cb])
    }
  end

  def without_values(%{meta: %{error_logger: _}, level: :error} = event, _),
    do: %{event | msg: {:string, "a process crashed"}, meta: Map.drop(event.meta, [:crash_reason])}

  def without_values(event, _), do: event

  defp reason(%{reason: reason}), do: named(reason)
  defp reason(%{report: %{reason: reason}}), do: named(reason)
  defp reason(_), do: "no reason is known"

  defp named({%kind{}, stack}), do: "#{inspect(kind)}#{place(stack)}"
  defp named({kind, stack}) when is_atom(kind), do: "#{inspect(kind)}#{place(stack)}"

  defp named({reason, stack}) when is_tuple(reason) and is_atom(elem(reason, 0)),
    do: "#{inspect(elem(reason, 0))}#{place(stack)}"

  defp named(kind) when is_atom(kind), do: inspect(kind)
  defp named(_), do: "a reason that may hold a prompt"

  defp place([{module, function, arity, location} | _]) do
    arity = if is_list(arity), do: length(arity), else: arity
    " in #{inspect(module)}.#{function}/#{arity}, line #{location[:line] || "unknown"}"
  end

  defp place(_), do: ""
end
