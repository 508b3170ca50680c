import {
  activeSpace,
  type AttributeDeclaration,
  attributeSchemaOf,
  countEmbeddings,
  countImages,
  type Database,
  liveQuestions,
  type Question,
  type Space,
  spacesOf,
} from "@medley/storage";
import DataLoader from "dataloader";

/** What resolvers of `Corpus` read, by its id: the pictures of a page are mostly of one corpus, and each may be asked for it. */
export interface CorpusReads {
  readonly imageCount: CorpusRead<number>;
  readonly activeSpace: CorpusRead<Space | null>;
  readonly spaces: CorpusRead<CorpusSpace[]>;
  readonly attributes: CorpusRead<readonly AttributeDeclaration[]>;
  readonly questions: CorpusRead<Question[]>;
}

export interface CorpusSpace {
  readonly space: Space;
  readonly state: Space["state"];
  readonly vectorCount: number;
}

type CorpusRead<Value> = Pick<DataLoader<string, Value>, "load">;

/** Those who ask at one time share a read; nothing is kept, for a mutation may come in between. */
export function createCorpusReads(db: Database): CorpusReads {
  return {
    imageCount: shared((id) => countImages(db, id)),
    activeSpace: shared((id) => activeSpace(db, id)),
    spaces: shared((id) => readSpaces(db, id)),
    attributes: shared((id) => attributeSchemaOf(db, id)),
    questions: shared((id) => liveQuestions(db, id)),
  };
}

function shared<Value>(read: (corpusId: string) => Promise<Value>): CorpusRead<Value> {
  return new DataLoader(
    (ids) => {
      const reads = new Map([...new Set(ids)].map((id) => [id, read(id)]));
      return Promise.all(ids.map((id) => reads.get(id) as Promise<Value>));
    },
    { cache: false },
  );
}

async function readSpaces(db: Database, corpusId: string): Promise<CorpusSpace[]> {
  const found = await spacesOf(db, corpusId);
  return await Promise.all(
    found.map(async (space) => ({
      space,
      state: space.state,
      vectorCount: await countEmbeddings(db, space.id, corpusId),
    })),
  );
}
