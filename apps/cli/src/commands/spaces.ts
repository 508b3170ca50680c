import type { Settings } from "@medley/config";
import { rollBackSpace } from "@medley/search";
import { countEmbeddings, retireSpace, spacesOf } from "@medley/storage";
import type { Command } from "commander";
import { CliError } from "../cli-error.ts";
import { withCorpus } from "../with-corpus.ts";
import { note, writeLine, writeRecord } from "../output.ts";
import { withInference } from "../processes/with-inference.ts";

interface CorpusOptions {
  readonly corpus: string;
  readonly json: boolean;
}

/** Gives a command the commands that look at the embedding spaces of a corpus and change which one answers. */
export function addSpaceCommands(command: Command, settings: Settings, withJson: (command: Command) => Command): void {
  command.description("see the embedding spaces of a corpus, go back to the one before, delete one");
  const corpusCommand = (name: string, description: string) =>
    withJson(command.command(name).description(description)).requiredOption("--corpus <name>", "corpus that is meant");
  corpusCommand("list", "every space with its state and how many pictures it holds").action((options: CorpusOptions) =>
    printSpaces(settings, options),
  );
  corpusCommand("rollback", "let the space that answered before answer again, at once")
    .option("--force", "also when pictures are missing in it", false)
    .action((options: CorpusOptions & { force: boolean }) => rollBack(settings, options));
  corpusCommand("retire <space>", "delete the vectors of a space that does not answer").action(
    (spaceId: string, options: CorpusOptions) => retire(settings, spaceId, options),
  );
}

async function printSpaces(settings: Settings, { corpus, json }: CorpusOptions): Promise<void> {
  await withCorpus(settings, corpus, async (db, { id: corpusId }) => {
    for (const { id, name, state, dimensions, fingerprint } of await spacesOf(db, corpusId)) {
      const vectors = await countEmbeddings(db, id, corpusId);
      if (json) await writeRecord({ id, name, state, dimensions, fingerprint, vectors });
      else await writeLine(`${state.padEnd(9)}${id}  ${name}: ${vectors} pictures x ${dimensions}`);
    }
  });
}

async function rollBack(
  settings: Settings,
  { corpus, force, json }: CorpusOptions & { force: boolean },
): Promise<void> {
  await withInference(settings, "exit", ({ inference }) =>
    withCorpus(settings, corpus, async (db, { id: corpusId }) => {
      const { space, switched, missing } = await rollBackSpace({ db, inference }, { corpusId, forced: force });
      if (!switched) {
        const found = `${missing} pictures have no vector in the space of "${space.name}" yet`;
        throw new CliError("INCOMPLETE", `${found}. Wait until they have, or go back with --force.`);
      }
      if (json) await writeRecord({ corpus, spaceId: space.id, name: space.name });
      else note(`Corpus "${corpus}" is searched in the space of "${space.name}" again.`);
    }),
  );
}

async function retire(settings: Settings, spaceId: string, { corpus, json }: CorpusOptions): Promise<void> {
  await withCorpus(settings, corpus, async (db, { id: corpusId }) => {
    const vectorsRemoved = await db.transaction((tx) => retireSpace(tx, { corpusId, spaceId }));
    if (json) await writeRecord({ corpus, spaceId, vectorsRemoved });
    else note(`${vectorsRemoved} vectors of "${corpus}" were deleted.`);
  });
}
