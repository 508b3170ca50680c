/** Between two looks of a run at what people decided and how far it is. */
export const OBSERVE_MS = 1_000;

/** Looks again and again, one look at a time; a failed look is no failed run. */
export function observeRegularly(look: () => Promise<void>): { readonly stop: () => Promise<void> } {
  let looking: Promise<void> | undefined;
  const timer = setInterval(() => {
    looking ??= look()
      .catch(() => {})
      .finally(() => {
        looking = undefined;
      });
  }, OBSERVE_MS);
  return {
    stop: async () => {
      clearInterval(timer);
      await looking;
    },
  };
}
