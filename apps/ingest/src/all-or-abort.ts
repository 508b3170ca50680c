/** Waits until all have ended; the first failure aborts the others, and is thrown when they have. */
export async function allOrAbort(failure: AbortController, work: readonly Promise<void>[]): Promise<void> {
  let first: { readonly reason: unknown } | undefined;
  const ends = work.map((promise) =>
    promise.catch((reason: unknown) => {
      first ??= { reason };
      failure.abort();
    }),
  );
  await Promise.all(ends);
  if (first) throw first.reason;
}
