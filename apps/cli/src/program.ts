import type { Settings } from "@medley/config";
import { alternativesComplaint, type Inference, MOST_ALTERNATIVES } from "@medley/inference-api";
import { Command, Option } from "commander";
import { readAnswers, runAsk } from "./commands/ask.ts";
import { addCalibrationCommands } from "./commands/calibrate-command.ts";
import { addCapFiltCommands } from "./commands/capfilt-command.ts";
import { runCaption } from "./commands/caption.ts";
import { addCorpusCommands } from "./commands/corpus-command.ts";
import { addDecodingOptions, type DecodingOptions, decodingOf } from "./commands/decoding-options.ts";
import { runDoctor } from "./commands/doctor.ts";
import { printDuplicates } from "./commands/duplicates.ts";
import { runEmbed } from "./commands/embed.ts";
import { addEvaluateOptions } from "./commands/evaluate-command.ts";
import { addExportCommands } from "./commands/export-command.ts";
import { type IngestOptions, runIngest } from "./commands/ingest.ts";
import { addKeyCommands } from "./commands/keys-command.ts";
import { runMatch } from "./commands/match.ts";
import { checkModel, listModels } from "./commands/models.ts";
import { type PullOptions, pullModel } from "./commands/models-pull.ts";
import { decimalNumber, wholeNumber } from "./commands/number-options.ts";
import { addReindexCommand } from "./commands/reindex-command.ts";
import { runSearch, type SearchOptions } from "./commands/search.ts";
import { addSpaceCommands } from "./commands/spaces.ts";
import { runStart } from "./commands/start.ts";
import { addStepsCommands } from "./commands/steps-command.ts";
import { CliError } from "./cli-error.ts";
import { openEngine } from "./engine/open-engine.ts";

export interface ProgramContext {
  readonly settings: Settings;
  /** Called with the exit code of a command that ended in good order. */
  readonly finish: (exitCode: number) => void;
}

/** All commands with their options. Those whose time has not come are absent. */
export function createProgram({ settings, finish }: ProgramContext): Command {
  const program = new Command("medley")
    .description("Search, match, caption and question pictures with BLIP, on your own machine.")
    .exitOverride()
    .showHelpAfterError("Run medley help, or medley help COMMAND.");
  const withJson = (command: Command) => command.option("--json", "one JSON object a line on standard output", false);

  withJson(program.command("start"))
    .description("run everything: models, GraphQL, the web page, ingest (first start: with the demo pictures)")
    .option("--no-demo", "without the demo pictures")
    .action((options: { demo: boolean; json: boolean }) => runStart(settings, options));

  withJson(program.command("ingest [path]"))
    .description(
      "bring in a folder of pictures, an archive (.tar, .tar.gz, .zip) or a manifest of paths or URLs (.csv, .tsv, .jsonl, .parquet); without a path do what is open in the corpus",
    )
    .requiredOption("--corpus <name>", "corpus that the pictures go to; created when there is none")
    .option("--priority <number>", "of these pictures' steps, -100 to 100; higher goes first", wholeNumber(-100, 100))
    .option("--attributes <file>", "declare the types of the corpus's attributes first; see docs/attributes.md")
    .option(
      "--read-metadata <kinds>",
      "read date, camera or position (with commas between) from EXIF and XMP into attributes; nothing is read otherwise",
    )
    .option("--no-captions", "write no captions")
    .option("--retry-failed", "try steps again that failed for good in earlier runs", false)
    .option("--watch", "stay, and bring in what appears in the folder or changes, until Ctrl-C", false)
    .action(async (path: string | undefined, options: IngestOptions) =>
      finish(await runIngest(settings, path, options)),
    );
  addCorpusCommands(program.command("corpus"), settings, withJson);
  withJson(program.command("duplicates"))
    .description("pairs of pictures that look the same: marked as they come in, and never left out")
    .requiredOption("--corpus <name>", "corpus that is meant")
    .action((options: { corpus: string; json: boolean }) => printDuplicates(settings, options));
  addStepsCommands(program.command("steps"), settings, withJson);
  addReindexCommand(withJson(program.command("reindex")), settings, finish);
  addSpaceCommands(program.command("spaces"), settings, withJson);

  withJson(program.command("search <text>"))
    .description("find pictures for a text")
    .option("--corpus <name>", "corpus to search", "demo")
    .option("--first <number>", "how many hits", wholeNumber(1, 500), 10)
    .option("--candidates <number>", "how many of the nearest pictures are re-ranked", wholeNumber(0, 1000))
    .option(
      "--text-weight <number>",
      "share of the pictures' own texts in the order, 0 to 1 (0.5 when absent)",
      decimalNumber(0, 1),
    )
    .action((text: string, options: SearchOptions) => runSearch(settings, text, options));

  addModelCommands(program, settings, withJson);
  addEvaluateOptions(withJson(program.command("evaluate")), settings);

  addCapFiltCommands(program.command("capfilt"), settings, finish, withJson);
  addCalibrationCommands(program, settings, withJson);
  addExportCommands(program, settings, withJson);
  addKeyCommands(program.command("keys"), settings, withJson);

  const models = program.command("models").description("look at checkpoints");
  withJson(models.command("list"))
    .description("the checkpoints of the model set and their roles")
    .action((options: { json: boolean }) => listModels(settings, options));
  withJson(models.command("pull <model>"))
    .description(
      "bring a checkpoint from a model hub (OWNER/NAME) or an address; run again it goes on where it stopped",
    )
    .option("--revision <name>", "branch, tag or commit", "main")
    .action((model: string, options: PullOptions) => pullModel(settings, model, options));
  withJson(models.command("check <model>"))
    .description("validate every tensor of a checkpoint")
    .action(async (model: string, options: { json: boolean }) => finish(await checkModel(settings, model, options)));

  withJson(program.command("doctor"))
    .description("say what is wrong with this installation and how to mend it")
    .action(async (options: { json: boolean }) => finish(await runDoctor(settings, options)));
  return program;
}

interface ModelOptions {
  readonly model?: string;
  readonly input: string;
  readonly itmToken?: "enc" | "cls";
  readonly json: boolean;
}

/** Commands that run a checkpoint in this process over the lines of a file. */
function addModelCommands(program: Command, settings: Settings, withJson: (command: Command) => Command): void {
  const modelCommand = (name: string, description: string) =>
    withJson(program.command(name).description(description))
      .option("--model <path>", "checkpoint folder or file, or a name of medley models list; default: the model set")
      .requiredOption("--input <file>", "JSONL file, - for standard input")
      .addOption(
        new Option(
          "--itm-token <token>",
          "first token of the matcher: enc as trained, cls as Hugging Face does",
        ).choices(["enc", "cls"]),
      );
  const withEngine = async (options: ModelOptions, work: (inference: Inference) => Promise<void>) => {
    await using inference = await openEngine(settings, {
      ...(options.model !== undefined && { model: options.model }),
      ...(options.itmToken !== undefined && { itmToken: options.itmToken }),
    });
    await work(inference);
  };

  modelCommand("match", "score pairs: {image,text} → {image,text,itcCosine,itmLogit}").action((options: ModelOptions) =>
    withEngine(options, (inference) => runMatch(inference, options)),
  );
  modelCommand("embed", "embed pictures and texts: {image} or {text} → {…,embedding}").action((options: ModelOptions) =>
    withEngine(options, (inference) => runEmbed(inference, options)),
  );
  addDecodingOptions(
    modelCommand("caption", "describe pictures: {image} → {image,caption,tokenIds}")
      .option("--prompt <text>", 'what the caption starts from (default: the model set\'s, "a picture of ")')
      .option(
        "--alternatives <count>",
        "so many other captions too: beams - 1 at most, or further samples",
        wholeNumber(0, MOST_ALTERNATIVES),
      ),
    ["greedy", "beam", "nucleus"],
  ).action((options: ModelOptions & DecodingOptions & { prompt?: string; alternatives?: number }) => {
    const request = {
      decoding: decodingOf(options),
      ...(options.prompt !== undefined && { prompt: options.prompt }),
      ...(options.alternatives !== undefined && { alternatives: options.alternatives }),
    };
    const complaint = alternativesComplaint(options.alternatives ?? 0, request.decoding);
    if (complaint !== null) throw new CliError("WRONG_USAGE", `--${complaint}`, { exitCode: 2 });
    return withEngine(options, (inference) => runCaption(inference, request, options));
  });
  addDecodingOptions(
    modelCommand("ask", "answer questions: {image,question} → {image,question,answer,tokenIds,logProbability}")
      .addOption(new Option("--mode <mode>", "how answers are found").choices(["generate", "rank"]).default("generate"))
      .option("--answers <file>", "for rank: the possible answers, one a line"),
    ["greedy", "beam"],
  ).action(async (options: ModelOptions & DecodingOptions & { mode: "generate" | "rank"; answers?: string }) => {
    if (options.mode === "rank" && options.answers === undefined) {
      throw new CliError("WRONG_USAGE", "--mode rank needs --answers FILE with one answer on each line.", {
        exitCode: 2,
      });
    }
    const mode =
      options.mode === "rank"
        ? ({ mode: "rank", answers: await readAnswers(options.answers ?? "") } as const)
        : ({ mode: "generate", decoding: decodingOf(options) } as const);
    await withEngine(options, (inference) => runAsk(inference, mode, options));
  });
}
