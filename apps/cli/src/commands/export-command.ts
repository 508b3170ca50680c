import type { Settings } from "@medley/config";
import type { Command } from "commander";
import { type ExportOptions, type ImportOptions, runExport, runImport } from "./export-import.ts";
import { wholeNumber } from "./number-options.ts";

/** A shard's texts are held in memory until it is written. */
const LARGEST_SHARD = 10_000;

/** Gives the program the commands export and import. */
export function addExportCommands(program: Command, settings: Settings, withJson: (command: Command) => Command): void {
  withJson(program.command("export"))
    .description("write a corpus as a data set: WebDataset shards, a Parquet table, the whole ledger and a report")
    .requiredOption("--corpus <name>", "corpus to export")
    .requiredOption(
      "--to <folder>",
      "folder for it: empty, new, or that of an export of this corpus, which then goes on",
    )
    .option("--all", "also pictures without a kept caption, and rejected captions in the table", false)
    .option("--shard-size <number>", "samples in a shard", wholeNumber(1, LARGEST_SHARD), 1000)
    .action((options: ExportOptions) => runExport(settings, options));

  withJson(program.command("import <folder>"))
    .description("restore a corpus from an export that was made with --all; embeddings are computed again")
    .option("--corpus <name>", "what it is called here; default: as in the export")
    .action((folder: string, options: ImportOptions) => runImport(settings, folder, options));
}
