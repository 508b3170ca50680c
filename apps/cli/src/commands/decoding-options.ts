import type { Decoding } from "@medley/inference-api";
import type { Command } from "commander";
import { Option } from "commander";
import { decimalNumber, wholeNumber } from "./number-options.ts";

/** Settings of text generation as the command line gives them. */
export interface DecodingOptions {
  readonly decode: "greedy" | "beam" | "nucleus";
  readonly beams: number;
  readonly seed: number;
  readonly topP: number;
  readonly maxLength?: number;
  readonly minLength?: number;
  readonly repetitionPenalty?: number;
}

/** BLIP's own settings are the defaults: 3 beams, top-p 0.9. */
export function addDecodingOptions(
  command: Command,
  methods: readonly DecodingOptions["decode"][],
  standard: DecodingOptions["decode"] = "beam",
): Command {
  command
    .addOption(new Option("--decode <method>", "how the text is generated").choices(methods).default(standard))
    .option("--beams <number>", "beams of beam search", wholeNumber(1, 16), 3)
    .option("--max-length <tokens>", "longest text, prefix and end token included", wholeNumber(1, 200))
    .option("--min-length <tokens>", "shortest text, counted alike", wholeNumber(0, 200))
    .option(
      "--repetition-penalty <number>",
      "makes tokens that occurred less likely (1: not; BLIP on NoCaps: 1.1)",
      decimalNumber(0.1, 10),
    );
  if (!methods.includes("nucleus")) return command;
  return command
    .option("--seed <number>", "seed of nucleus sampling", wholeNumber(0, 2 ** 31 - 1), 0)
    .option("--top-p <share>", "probability mass of nucleus sampling", Number, 0.9);
}

export function decodingOf(options: DecodingOptions): Decoding {
  const shared = {
    ...(options.maxLength !== undefined && { maxLength: options.maxLength }),
    ...(options.minLength !== undefined && { minLength: options.minLength }),
    ...(options.repetitionPenalty !== undefined && { repetitionPenalty: options.repetitionPenalty }),
  };
  switch (options.decode) {
    case "greedy":
      return { method: "greedy", ...shared };
    case "beam":
      return { method: "beam", beams: options.beams, ...shared };
    case "nucleus":
      return { method: "nucleus", topP: options.topP, seed: options.seed, ...shared };
  }
}
