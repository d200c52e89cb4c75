defmodule Pipeline.System.CrashReports do
  @moduledoc """
  Keeps prompts, plans and tokens out of the log.

  OTP's report on a crashed process shows the state of the process, its last message and the arguments of its functions. This
  module filters the log, so that only the name of the exception and the place in the code are left.
  """

  @doc "Log to standard error, and log crashes without values."
  @spec install() :: :ok
  def install do
    # By default, Logger writes to standard output, but a client expects exactly one line there. Mix has already started
    # Logger, and would start it again for another application. Elixir 1.14 reads the first setting, and 1.15 the second.
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
      # The type of a running handler cannot be changed, so replace the handler.
      {:ok, %{module: :logger_std_h, config: %{type: :standard_io}} = handler} ->
        :ok = :logger.remove_handler(:default)
        settings = Map.take(handler, [:level, :filters, :filter_default, :formatter])
        config = %{type: :standard_error}
        :ok = :logger.add_handler(:default, :logger_std_h, Map.put(settings, :config, config))

      {:ok, _} ->
        :ok

      # Elixir 1.14 needs this call, and newer versions deprecate the function. `apply` avoids their warning.
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

  defp reason(%{reason: reason}), do: name(reason)
  defp reason(%{report: %{reason: reason}}), do: name(reason)
  defp reason(_), do: "the reason is not known"

  defp name({%kind{}, stack}), do: "#{inspect(kind)}#{place(stack)}"
  defp name({kind, stack}) when is_atom(kind), do: "#{inspect(kind)}#{place(stack)}"

  defp name({reason, stack}) when is_tuple(reason) and is_atom(elem(reason, 0)),
    do: "#{inspect(elem(reason, 0))}#{place(stack)}"

  defp name(kind) when is_atom(kind), do: inspect(kind)
  defp name(_), do: "the reason is not shown, because it may contain a prompt"

  defp place([{module, function, arity, location} | _]) do
    arity = if is_list(arity), do: length(arity), else: arity
    " in #{inspect(module)}.#{function}/#{arity}, line #{location[:line] || "unknown"}"
  end

  defp place(_), do: ""
end
