/** Lets one loop wait for whoever rings. */
export interface Bell {
  ring(): void;
  /** Resolves at the next ring or after `sleep`; at once where it was rung since the last wait. */
  wait(sleep: Promise<void>): Promise<void>;
}

export function createBell(): Bell {
  let rung = Promise.withResolvers<void>();
  return {
    ring: () => rung.resolve(),
    async wait(sleep) {
      await Promise.race([sleep, rung.promise]);
      rung = Promise.withResolvers();
    },
  };
}
