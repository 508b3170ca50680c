/** A reader can follow a page that changes as often as this. */
const CALM_MS = 1_000;

/**
 * Shows the first value at once and later ones no sooner than a second after the one before: those that come in between are left out. Whoever asks for no
 * motion sees the first alone.
 * @param clock  milliseconds that never go backwards
 */
export function calmly<T>(
  show: (value: T) => void,
  { still, clock = () => performance.now() }: { readonly still: boolean; readonly clock?: () => number },
): (value: T) => void {
  let shownAt: number | null = null;
  return (value) => {
    if (shownAt !== null && (still || clock() - shownAt < CALM_MS)) return;
    shownAt = clock();
    show(value);
  };
}

export function wantsNoMotion(): boolean {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches;
}
