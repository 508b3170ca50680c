import type { Settings } from "@medley/config";
import { Argument, type Command, InvalidArgumentError } from "commander";
import {
  calibrate,
  correct,
  decideAgain,
  printExplanation,
  printStatus,
  review,
  revert,
  type RuleChanges,
  runCapFilt,
} from "./capfilt.ts";
import { addDecodingOptions, type DecodingOptions, decodingOf } from "./decoding-options.ts";
import { decimalNumber, wholeNumber } from "./number-options.ts";

interface RuleOptions {
  readonly keepFrom?: number;
  readonly keepWeb?: number;
  readonly keepSynthetic?: number;
  readonly bestOf?: number;
  readonly distinctWords?: number;
  readonly languages?: readonly string[];
  readonly slope?: number;
  readonly offset?: number;
}

interface CorpusOptions extends RuleOptions {
  readonly corpus: string;
  readonly json: boolean;
}

/** Gives a command the commands of CapFilt: run, decide, calibrate, status, explain, review, correct, revert. */
export function addCapFiltCommands(
  command: Command,
  settings: Settings,
  finish: (exitCode: number) => void,
  withJson: (command: Command) => Command,
): void {
  command.description("propose captions, judge them and those of the web, and see why");
  const corpusCommand = (name: string) =>
    withJson(command.command(name)).requiredOption("--corpus <name>", "corpus whose captions are meant");

  const run = corpusCommand("run")
    .description("caption every picture anew, judge every caption (what is unchanged is not done again)")
    .option("--captions <number>", "captions for each picture; several need nucleus sampling", wholeNumber(1, 20), 1)
    .option(
      "--prompt <text>",
      'what captions start from, such as "a picture of {category}" with an attribute; default: the model set\'s',
    );
  addDecodingOptions(addRuleOptions(run), ["greedy", "beam", "nucleus"], "nucleus").action(
    async (options: CorpusOptions & DecodingOptions & { captions: number; prompt?: string }) => {
      const decoding = decodingOf({
        ...options,
        maxLength: options.maxLength ?? 20,
        minLength: options.minLength ?? 5,
      });
      const settingsOfRun = { decoding, prompt: options.prompt ?? null, captionsPerImage: options.captions };
      finish(await runCapFilt(settings, options.corpus, settingsOfRun, ruleOf(options), options));
    },
  );
  addRuleOptions(corpusCommand("decide"))
    .description("decide all captions under a changed rule, from their stored scores; no model is asked")
    .action((options: CorpusOptions) => decideAgain(settings, options.corpus, ruleOf(options), options));
  corpusCommand("calibrate")
    .description(
      "fit match probabilities to the texts of people and of the web in this corpus, and decide anew by them",
    )
    .option("--images <number>", "how many pictures to draw", wholeNumber(20, 100_000), 500)
    .option("--seed <number>", "seed of the draw", wholeNumber(0, 2 ** 31 - 1), 0)
    .action((options: CorpusOptions & { images: number; seed: number }) =>
      calibrate(settings, options.corpus, options),
    );
  corpusCommand("status")
    .description("how many captions are kept and rejected, and why")
    .action((options: CorpusOptions) => printStatus(settings, options.corpus, options));
  withJson(command.command("explain <caption>"))
    .description("every number behind the verdict of a caption, by its id")
    .action((captionId: string, options: { json: boolean }) => printExplanation(settings, captionId, options));
  withJson(command.command("review <caption>"))
    .addArgument(new Argument("<verdict>", "what you decide").choices(["keep", "reject"]))
    .description("keep or reject a caption yourself; this stands above every policy")
    .requiredOption("--reviewer <name>", "who decides")
    .option("--note <text>", "why")
    .action(
      (captionId: string, verdict: "keep" | "reject", options: { reviewer: string; note?: string; json: boolean }) =>
        review(
          settings,
          captionId,
          {
            verdict: verdict === "keep" ? "KEPT" : "REJECTED",
            reviewer: options.reviewer,
            ...(options.note !== undefined && { note: options.note }),
          },
          options,
        ),
    );
  withJson(command.command("correct <caption> <text>"))
    .description("write a better text in a caption's place; the old one stays in the ledger and counts no longer")
    .requiredOption("--author <name>", "who writes it")
    .action((captionId: string, text: string, options: { author: string; json: boolean }) =>
      correct(settings, captionId, { text, author: options.author }, options),
    );
  withJson(command.command("revert <run>"))
    .description("take a run of the captioner back; its captions stay in the ledger and count for nothing")
    .action((runId: string, options: { json: boolean }) => revert(settings, runId, options));
}

function addRuleOptions(command: Command): Command {
  const share = decimalNumber(0, 1);
  return command
    .option("--keep-from <share>", "least match probability of a caption that is kept (BLIP: 0.5)", share)
    .option("--keep-web <share>", "the same for texts that came with the pictures alone", share)
    .option("--keep-synthetic <share>", "the same for the captioner's texts alone", share)
    .option("--best-of <number>", "keep at most so many of a picture's synthetic captions", wholeNumber(1, 20))
    .option("--distinct-words <share>", "least share of different words in a text (0.5)", share)
    .option(
      "--languages <codes>",
      'languages that the filter knows, such as en,de; "all" judges every text',
      readLanguages,
    )
    .option("--slope <number>", "calibration: factor of itmLogit - itmNoMatchLogit (BLIP: 1)", decimalNumber(1e-6, 1e6))
    .option("--offset <number>", "calibration: added to that (BLIP: 0)", decimalNumber(-1e6, 1e6));
}

function readLanguages(text: string): string[] {
  const codes = text === "all" ? [] : text.split(",").map((code) => code.trim());
  if (codes.every((code) => /^[a-z]{2,3}$/.test(code))) return codes;
  throw new InvalidArgumentError('Expected codes such as en,de, or "all".');
}

/** Only what was given: the rest stays as the corpus's policy has it. */
function ruleOf(options: RuleOptions): RuleChanges {
  const { keepFrom, keepWeb, keepSynthetic, bestOf, distinctWords, languages, slope, offset } = options;
  const given = {
    ...(keepFrom !== undefined && { WEB: keepFrom, SYNTHETIC: keepFrom, IMPORTED: keepFrom }),
    ...(keepWeb !== undefined && { WEB: keepWeb, IMPORTED: keepWeb }),
    ...(keepSynthetic !== undefined && { SYNTHETIC: keepSynthetic }),
  };
  return {
    keepFrom: given,
    ...(bestOf !== undefined && { bestOf }),
    ...(distinctWords !== undefined && { leastDistinctWords: distinctWords }),
    ...(languages !== undefined && { languages }),
    ...(slope !== undefined && { slope }),
    ...(offset !== undefined && { offset }),
  };
}
