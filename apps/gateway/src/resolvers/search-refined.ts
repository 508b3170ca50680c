import { type Refinement, refineSearch } from "@medley/search";
import { activeSpan } from "@medley/tracing";
import type { GatewayContext } from "../context.ts";
import type { PageChange, SubscriptionResolvers } from "../generated/schema-types.ts";
import { createNewest } from "../subscriptions/newest.ts";
import { describeReport } from "../tracing/trace-operations.ts";
import { searchQueryOf, withoutRemoved } from "./search.ts";
import { named } from "./uploads.ts";

/** One event of a search that is watched. */
export interface RefinementEvent extends Refinement {
  readonly change: PageChange;
}

/** The search goes on while nobody reads, and ends when the reader goes away. */
export const searchRefined: NonNullable<SubscriptionResolvers["searchRefined"]> = {
  subscribe(_root, { input, first, after }, context) {
    const query = searchQueryOf(input, first, context);
    const ended = new AbortController();
    const newest = createNewest<Refinement | Error>(() => ended.abort());
    const span = activeSpan();
    const onRefined = (refinement: Refinement) => {
      if (span !== null && refinement.isFinal) describeReport(span, refinement.page);
      newest.offer(refinement);
    };
    const watch = { signal: ended.signal, onRefined };
    refineSearch(context, query, after ?? null, watch)
      // An error in the place of an event becomes the event's error.
      .catch((error: unknown) => newest.offer(error instanceof Error ? error : new Error(String(error))))
      .finally(newest.finish);
    return named("searchRefined", withChanges(newest.events, context)) as AsyncIterableIterator<{
      readonly searchRefined: RefinementEvent;
    }>;
  },
};

/** Each event with what is different since the last one that was read. */
function withChanges(
  events: AsyncIterableIterator<Refinement | Error>,
  { images }: Pick<GatewayContext, "images">,
): AsyncIterableIterator<RefinementEvent | Error> {
  let before: readonly string[] = [];
  const changed: AsyncIterableIterator<RefinementEvent | Error> = {
    async next() {
      const result = await events.next();
      if (result.done === true) return { done: true, value: undefined };
      if (result.value instanceof Error) return { done: false, value: result.value };
      // Asked for anew with each event: the search may last.
      const page = await withoutRemoved(result.value.page, images);
      const now = page.hits.map(({ imageId }) => imageId);
      const change = changeOf(before, now);
      before = now;
      return { done: false, value: { ...result.value, page, change } };
    },
    async return() {
      await events.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return changed;
    },
  };
  return changed;
}

/** From one page to the next, by the ids of their hits. */
export function changeOf(before: readonly string[], now: readonly string[]): PageChange {
  const places = new Map(before.map((imageId, place) => [imageId, place]));
  const stayed = now.filter((imageId) => places.has(imageId)).length;
  const moved = now.filter((imageId, place) => places.has(imageId) && places.get(imageId) !== place).length;
  const [entered, left] = [now.length - stayed, before.length - stayed];
  return { isStable: entered + left + moved === 0, entered, left, moved };
}
