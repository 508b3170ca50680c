import type { Settings } from "@medley/config";
import type { Command } from "commander";
import { clearAttributes, setAttributes, showAttributes } from "./corpus-attributes.ts";
import { addQuestionCommands } from "./corpus-questions-command.ts";

interface CorpusOptions {
  readonly corpus: string;
  readonly json: boolean;
}

/** Gives a command the commands that say what a corpus is: what its attributes may hold, and what a model is asked about its pictures. */
export function addCorpusCommands(command: Command, settings: Settings, withJson: (command: Command) => Command): void {
  command.description("what a corpus declares about its pictures");
  const attributes = command.command("attributes").description("types of the attributes; see docs/attributes.md");
  const corpusCommand = (usage: string, description: string) =>
    withJson(attributes.command(usage).description(description)).requiredOption(
      "--corpus <name>",
      "corpus that is meant",
    );
  corpusCommand("show", "what is declared").action((options: CorpusOptions) => showAttributes(settings, options));
  corpusCommand(
    "set <file>",
    "declare what a JSON file says, in place of what was declared; converts what is there",
  ).action((file: string, options: CorpusOptions) => setAttributes(settings, file, options));
  corpusCommand("clear", "declare nothing; values stay as they are").action((options: CorpusOptions) =>
    clearAttributes(settings, options),
  );
  addQuestionCommands(command, settings, withJson);
}
