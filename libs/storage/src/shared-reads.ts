/** Rows by the keys that they were asked for with; one that is absent is not there. */
export type SharedReads<Row> = (keys: readonly string[]) => Promise<ReadonlyMap<string, Row>>;

/**
 * Reads for many callers at once: while a read is under way, those who come meanwhile wait and are answered together by the next one, each key asked for once.
 * Whoever comes while none is under way does not wait. A read begins after the question of everybody whom it answers, so that nobody gets what was true before he asked.
 * What a read returns is shared: nobody may change it. When it fails it fails for all whom it was for, and the next one begins all the same.
 */
export function shareReads<Row>(read: SharedReads<Row>): SharedReads<Row> {
  let waiting: Batch<Row> | null = null;
  let isReading = false;

  async function answer(batch: Batch<Row>): Promise<void> {
    isReading = true;
    try {
      batch.resolve(await read([...batch.keys]));
    } catch (error) {
      batch.reject(error);
    }
    isReading = false;
    begin();
  }

  function begin(): void {
    if (waiting === null || isReading) return;
    const batch = waiting;
    waiting = null;
    void answer(batch);
  }

  return (keys) => {
    waiting ??= { keys: new Set(), ...Promise.withResolvers<ReadonlyMap<string, Row>>() };
    for (const key of keys) waiting.keys.add(key);
    const { promise } = waiting;
    begin();
    return promise;
  };
}

type Batch<Row> = PromiseWithResolvers<ReadonlyMap<string, Row>> & { readonly keys: Set<string> };
