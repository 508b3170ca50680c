import { createSourceEventStream, execute, type ExecutionArgs, type ExecutionResult, GraphQLError } from "graphql";

export type Results = AsyncIterableIterator<ExecutionResult> | ExecutionResult;

/**
 * As graphql-js subscribes, but every event is answered with a context of its own: loaders remember what they have read, and what changed between
 * two events would never be seen. When there can be no context any more, because the caller's key was revoked, that error is the last event.
 */
export async function subscribeWithFreshContexts(
  args: ExecutionArgs,
  freshContext: () => Promise<unknown>,
): Promise<Results> {
  const source = await createSourceEventStream(args);
  if (!(Symbol.asyncIterator in source)) return source;
  const events = source[Symbol.asyncIterator]();
  async function answer(rootValue: unknown): Promise<ExecutionResult> {
    let contextValue: unknown;
    try {
      contextValue = await freshContext();
    } catch (error) {
      await events.return?.();
      const cause = error instanceof Error ? error : new Error(String(error));
      return { errors: [new GraphQLError(cause.message, { originalError: cause })] };
    }
    return await execute({ ...args, rootValue, contextValue });
  }
  const results: AsyncIterableIterator<ExecutionResult> = {
    async next() {
      const event = await events.next();
      if (event.done === true) return { done: true, value: undefined };
      return { done: false, value: await answer(event.value) };
    },
    async return() {
      await events.return?.();
      return { done: true, value: undefined };
    },
    async throw(error) {
      await events.return?.();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return results;
    },
  };
  return results;
}
