/**
 * One call of `work` at a time for all who ask. Each gets the first one that began after he asked, so that its result is newer than his question; those who
 * ask while one runs share the next.
 */
export function createRounds(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null;
  let next: Promise<void> | null = null;

  function begin(): Promise<void> {
    const round = work().finally(() => {
      if (running === round) running = null;
    });
    running = round;
    return round;
  }

  return () => {
    if (running === null) return begin();
    next ??= running
      .catch(() => {})
      .then(() => {
        next = null;
        return begin();
      });
    return next;
  };
}
