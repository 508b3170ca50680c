import type { Settings } from "@medley/config";
import type { Command } from "commander";
import { type CalibrateOptions, runCalibrate } from "./calibrate.ts";
import { wholeNumber } from "./number-options.ts";
import { runVerdicts, type VerdictOptions } from "./verdicts.ts";

/** Gives the program the commands that say what the scores of searches mean, and check it. */
export function addCalibrationCommands(
  program: Command,
  settings: Settings,
  withJson: (command: Command) => Command,
): void {
  withJson(program.command("calibrate"))
    .description("fit match probabilities and verdicts of searches to the texts of people and of the web in a corpus")
    .requiredOption("--corpus <name>", "corpus whose searches are meant")
    .option("--images <number>", "how many pictures to draw", wholeNumber(20, 100_000), 200)
    .option("--seed <number>", "seed of the draw", wholeNumber(0, 2 ** 31 - 1), 0)
    .option("--report <file>", "writes an HTML page with the reliability curves")
    .action((options: CalibrateOptions) => runCalibrate(settings, options));
  withJson(program.command("verdicts"))
    .description(
      'say whether a corpus answers queries: {text} → {text,verdict,…}; with "answerable" how often that is right',
    )
    .requiredOption("--corpus <name>", "corpus that is asked")
    .requiredOption("--input <file>", "JSONL file, - for standard input")
    .option("--report <file>", 'writes an HTML page; lines need "answerable"')
    .action((options: VerdictOptions) => runVerdicts(settings, options));
}
