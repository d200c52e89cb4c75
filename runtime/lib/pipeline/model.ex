defmodule Pipeline.Model do
  @moduledoc """
  Has a model answer: retries what the provider failed at, runs the tools that the model asks for, and asks again for
  an answer that does not fit its schema.
  """

  alias Pipeline.{Answer, Ask, Error, Provider, Settings, Workspace}

  @spec answer(Ask.t(), [String.t()], Settings.t(), Workspace.t() | nil) ::
          {:ok, Answer.t()} | {:error, Error.t()}
  def answer(%Ask{} = ask, texts, %Settings{} = settings, _workspace) do
    with {:ok, text} <- Provider.for_ask(ask).complete(ask, texts, settings) do
      {:ok, %Answer{text: text, value: text}}
    end
  end
end
