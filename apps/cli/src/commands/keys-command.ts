import type { Settings } from "@medley/config";
import { ROLES } from "@medley/storage";
import { type Command, Option } from "commander";
import { createKey, type KeyOptions, listKeys, revokeKey } from "./keys.ts";
import { wholeNumber } from "./number-options.ts";

const LONGEST_DAYS = 3650;

/** Gives a command the commands that make, list and revoke keys of the GraphQL server. */
export function addKeyCommands(command: Command, settings: Settings, withJson: (command: Command) => Command): void {
  command.description("keys with which others may use the GraphQL server");
  withJson(command.command("create"))
    .description("make a key and print it; it cannot be shown again")
    .requiredOption("--name <name>", "who or what uses it, for the list")
    .addOption(
      new Option("--role <role>", "what it may do, from least to most; see docs/access.md")
        .choices([...ROLES])
        .makeOptionMandatory(),
    )
    .option("--corpus <name>", "limit it to a corpus; may be given again for others (all when absent)", collect)
    .option("--days <number>", "how long it is good for; until it is revoked when absent", wholeNumber(1, LONGEST_DAYS))
    .action((options: KeyOptions) => createKey(settings, options));
  withJson(command.command("list"))
    .description("every key that was made, newest first")
    .action((options: { json: boolean }) => listKeys(settings, options));
  withJson(command.command("revoke <id>"))
    .description("refuse a key from now on, by its id of medley keys list")
    .action((keyId: string, options: { json: boolean }) => revokeKey(settings, keyId, options));
}

function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value];
}
