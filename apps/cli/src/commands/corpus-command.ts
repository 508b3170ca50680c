import type { Settings } from "@medley/config";
import type { Command } from "commander";
import { clearAttributes, setAttributes, showAttributes } from "./corpus-attributes.ts";
import { printCorpora, removeCorpus } from "./corpora.ts";
import { addQuestionCommands } from "./corpus-questions-command.ts";

interface CorpusOptions {
  readonly corpus: string;
  readonly json: boolean;
}

/** Gives a command the commands about corpora: which there are, what their attributes may hold, what a model is asked about their pictures, and their end. */
export function addCorpusCommands(command: Command, settings: Settings, withJson: (command: Command) => Command): void {
  command.description("the corpora of this installation, and what they declare about their pictures");
  withJson(command.command("list").description("every corpus with how many pictures and captions it holds")).action(
    (options: { json: boolean }) => printCorpora(settings, options),
  );
  withJson(command.command("delete <name>"))
    .description("delete a corpus with its pictures, captions, vectors and files, for ever")
    .option("--yes", "really do it; without it this says what would go", false)
    .action((name: string, options: { yes: boolean; json: boolean }) => removeCorpus(settings, name, options));
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
