import type { Settings } from "@medley/config";
import { type DatasetFormat, FORMATS, type TaskName, TASKS } from "@medley/evaluation";
import type { AnswerMode } from "@medley/inference-api";
import { type Command, InvalidArgumentError, Option } from "commander";
import { CliError } from "../cli-error.ts";
import { readAnswers } from "./ask.ts";
import { addDecodingOptions, type DecodingOptions, decodingOf } from "./decoding-options.ts";
import { runEvaluate } from "./evaluate.ts";
import { decimalNumber, wholeNumber } from "./number-options.ts";

interface GivenOptions extends DecodingOptions {
  readonly dataset?: string;
  readonly corpus?: string;
  readonly format?: DatasetFormat;
  readonly pictures?: string;
  readonly split: string;
  readonly model?: string;
  readonly itmToken?: "enc" | "cls";
  readonly tasks?: readonly TaskName[];
  readonly limit?: number;
  readonly rerank: number;
  readonly itcWeight?: number;
  readonly prompt?: string;
  readonly mode: "generate" | "rank";
  readonly answers?: string;
  readonly report?: string;
  readonly predictions?: string;
  readonly json: boolean;
}

/** Gives a command the options of `medley evaluate`. */
export function addEvaluateOptions(command: Command, settings: Settings): Command {
  command
    .description("measure models on a data set or on a corpus: retrieval, captions, questions, minimal pairs, classes")
    .option("--dataset <folder>", "data set in one of the formats of docs/evaluation.md")
    .option("--corpus <name>", "corpus of this installation; its captions by people are the queries")
    .addOption(new Option("--format <format>", "reads the data set as this").choices(FORMATS))
    .option("--pictures <folder>", "where the pictures are, when not in the data set's folder")
    .option("--split <name>", "split of Karpathy's files; also chooses among files with it in their names", "test")
    .option("--model <path>", "checkpoint folder or file, or a name of medley models list; default: the model set")
    .addOption(
      new Option("--itm-token <token>", "first token of the matcher: enc as trained, cls as Hugging Face does").choices(
        ["enc", "cls"],
      ),
    )
    .option("--tasks <names>", `which of ${TASKS.join(",")}; default: all that data and models allow`, readTasks)
    .option("--limit <number>", "a random part of the data, at most so many items", wholeNumber(1, 100_000_000))
    .option(
      "--rerank <number>",
      "how many of the first by itcCosine the matching head judges",
      wholeNumber(0, 1000),
      128,
    )
    .option(
      "--itc-weight <number>",
      "w of itmLogit + w * itcCosine; default: the model set's",
      decimalNumber(-1e6, 1e6),
    )
    .option("--prompt <text>", "what captions start from; default: the model set's")
    .addOption(new Option("--mode <mode>", "how answers are found").choices(["generate", "rank"]).default("generate"))
    .option("--answers <file>", "for --mode rank: the possible answers, one a line")
    .option("--report <file>", "writes an HTML page with figures, examples and failures")
    .option("--predictions <folder>", "writes captions.json and answers.json as the official evaluations read them");
  addDecodingOptions(command, ["greedy", "beam", "nucleus"]);
  return command.action((options: GivenOptions) => evaluate(settings, options));
}

async function evaluate(settings: Settings, options: GivenOptions): Promise<void> {
  const { prompt } = options;
  await runEvaluate(settings, {
    ...options,
    captionRequest: { decoding: decodingOf(options), ...(prompt !== undefined && { prompt }) },
    answerMode: await answerModeOf(options),
    commandLine: ["medley", ...process.argv.slice(2)].map(quoted).join(" "),
  });
}

async function answerModeOf(options: GivenOptions): Promise<AnswerMode> {
  if (options.mode === "generate") {
    // Answers are never sampled: with --decode nucleus, which is for captions, they stay at beam search.
    const decode = options.decode === "nucleus" ? "beam" : options.decode;
    return { mode: "generate", decoding: decodingOf({ ...options, decode }) };
  }
  if (options.answers === undefined) {
    const sentence = "--mode rank needs --answers FILE with one answer on each line.";
    throw new CliError("WRONG_USAGE", sentence, { exitCode: 2 });
  }
  return { mode: "rank", answers: await readAnswers(options.answers) };
}

function readTasks(text: string): TaskName[] {
  return text.split(",").map((name) => {
    const task = TASKS.find((known) => known === name.trim());
    if (task !== undefined) return task;
    throw new InvalidArgumentError(`"${name}" is no task, expected some of ${TASKS.join(",")}.`);
  });
}

/** As a shell would need it. */
function quoted(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}
