import type { Settings } from "@medley/config";
import { type Command, Option } from "commander";
import {
  type DeclareOptions,
  declareQuestion,
  listQuestions,
  renewAnswers,
  retireQuestion,
} from "./corpus-questions.ts";
import { decimalNumber } from "./number-options.ts";

interface CorpusOptions {
  readonly corpus: string;
  readonly json: boolean;
}

/** Gives `medley corpus` the commands about questions that a model answers for every picture. */
export function addQuestionCommands(
  command: Command,
  settings: Settings,
  withJson: (command: Command) => Command,
): void {
  const questions = command
    .command("questions")
    .description("questions that a model answers about every picture; see docs/questions.md");
  const corpusCommand = (usage: string, description: string) =>
    withJson(questions.command(usage).description(description)).requiredOption(
      "--corpus <name>",
      "corpus that is meant",
    );
  corpusCommand("list", "what is asked, how far it is, and why answers failed").action((options: CorpusOptions) =>
    listQuestions(settings, options),
  );
  corpusCommand("declare <name> <question>", "ask a question about every picture, also about those that come later")
    .addOption(
      new Option("--type <type>", "what answers are read as; only a category has answers of its own")
        .choices(["boolean", "category", "text", "number"])
        .makeOptionMandatory(),
    )
    .option("--answers <file>", "the answers of a category, one on each line")
    .option("--answer <text>", "an answer of a category; may be given again for others", collect)
    .option(
      "--minimum <probability>",
      "answers below it do not count, 0 to 1; all count when absent",
      decimalNumber(0, 1),
    )
    .action((name: string, question: string, options: DeclareOptions) =>
      declareQuestion(settings, name, question, options),
    );
  corpusCommand("retire <name>", "take a question away; its answers stay stored").action(
    (name: string, options: CorpusOptions) => retireQuestion(settings, name, options),
  );
  corpusCommand("renew <name>", "let the model that is served answer again what another one answered").action(
    (name: string, options: CorpusOptions) => renewAnswers(settings, name, options),
  );
}

function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value];
}
