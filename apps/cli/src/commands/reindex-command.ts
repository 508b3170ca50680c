import type { Settings } from "@medley/config";
import type { UpkeepKind } from "@medley/storage";
import type { Command } from "commander";
import { CliError } from "../cli-error.ts";
import { decimalNumber } from "./number-options.ts";
import { type ReindexOptions, runReindex } from "./reindex.ts";
import { parseWhere, runUpkeep } from "./upkeep.ts";

interface CommandOptions extends Partial<Omit<ReindexOptions, "corpus" | "json">> {
  readonly corpus: string;
  readonly rebuildIndex: boolean;
  readonly refill: boolean;
  readonly recaption: boolean;
  readonly refilter: boolean;
  readonly space?: string;
  readonly where?: string;
  readonly all: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** What a reindex is for: another model's space, or one of the kinds of upkeep. */
type Purpose = "MODEL" | UpkeepKind;

const FLAGS: Readonly<Record<Purpose, string>> = {
  MODEL: "--model",
  REBUILD_INDEX: "--rebuild-index",
  REFILL: "--refill",
  RECAPTION: "--recaption",
  REFILTER: "--refilter",
};

/** Gives the command `reindex` its options: what for, and what belongs to each purpose. */
export function addReindexCommand(command: Command, settings: Settings, finish: (exitCode: number) => void): void {
  command
    .description(
      "move a corpus into another model's space (--model): build it beside the one that answers, compare both, and switch when nothing speaks against it; " +
        "or renew what it holds (--rebuild-index, --refill, --recaption, --refilter)",
    )
    .requiredOption("--corpus <name>", "corpus that is meant")
    .option("--model <model>", "checkpoint, medley.models.json, or a name of medley models list")
    .option("--name <name>", "with --model: name that it is registered under; that of its folder when absent")
    .option(
      "--itc-weight <number>",
      "with --model: w in the order itmLogit + w * itcCosine of this model",
      decimalNumber(0, 1000),
    )
    .option("--force", "with --model: switch whatever the comparison says", false)
    .option("--rebuild-index", "build the vector index anew and measure what it finds before and after", false)
    .option("--space <id>", "with --rebuild-index: of this space; of the one that answers when absent")
    .option("--refill", "find steps that were never planned or whose product is gone, and do them", false)
    .option("--recaption", "caption every picture anew; what captioners wrote before is superseded", false)
    .option("--refilter", "have the filter score captions that it has not scored", false)
    .option("--all", "with --refilter: score all captions again", false)
    .option(
      "--where <filter>",
      'with --recaption or --refilter: only these pictures, as JSON: {"attribute":{"name":"category","in":["coat"]}}',
    )
    .option("--dry-run", "not with --model: only count what there would be to do", false)
    .action(async (options: CommandOptions) => finish(await run(settings, options)));
}

async function run(settings: Settings, options: CommandOptions): Promise<number> {
  const purpose = purposeOf(options);
  const { corpus, model, name, itcWeight, force = false, dryRun, json, space, where, all } = options;
  const only = (flag: string, isGiven: boolean, purposes: readonly Purpose[]) => {
    if (!isGiven || purposes.includes(purpose)) return;
    const expected = purposes.map((each) => FLAGS[each]).join(", ");
    throw wrongUsage(`${flag} does not go with ${FLAGS[purpose]}, expected ${expected}.`);
  };
  for (const [flag, value] of [
    ["--name", name],
    ["--itc-weight", itcWeight],
    ["--force", force || undefined],
  ] as const) {
    only(flag, value !== undefined, ["MODEL"]);
  }
  only("--space", space !== undefined, ["REBUILD_INDEX"]);
  only("--where", where !== undefined, ["RECAPTION", "REFILTER"]);
  only("--all", all, ["REFILTER"]);
  only("--dry-run", dryRun, ["REBUILD_INDEX", "REFILL", "RECAPTION", "REFILTER"]);
  if (purpose === "MODEL") {
    const registered = { ...(name !== undefined && { name }), ...(itcWeight !== undefined && { itcWeight }) };
    return await runReindex(settings, { corpus, model: model ?? "", ...registered, force, json });
  }
  return await runUpkeep(settings, {
    corpus,
    kind: purpose,
    dryRun,
    everything: all,
    json,
    ...(space !== undefined && { spaceId: space }),
    ...(where !== undefined && { filter: parseWhere(where) }),
  });
}

function purposeOf({ model, rebuildIndex, refill, recaption, refilter }: CommandOptions): Purpose {
  const given = { MODEL: model !== undefined, REBUILD_INDEX: rebuildIndex, REFILL: refill, RECAPTION: recaption };
  const purposes = Object.entries({ ...given, REFILTER: refilter }).flatMap(([purpose, isGiven]) =>
    isGiven ? [purpose as Purpose] : [],
  );
  const [purpose, other] = purposes;
  if (purpose === undefined) {
    throw wrongUsage(`reindex needs one of ${Object.values(FLAGS).join(", ")}.`);
  }
  if (other === undefined) return purpose;
  throw wrongUsage(`${FLAGS[purpose]} and ${FLAGS[other]} exclude each other. Give one after the other.`);
}

function wrongUsage(message: string): CliError {
  return new CliError("WRONG_USAGE", message, { exitCode: 2 });
}
