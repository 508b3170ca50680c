import type { GatewayContext } from "../context.ts";
import { badUserInput } from "../errors.ts";
import type { Resolvers } from "../generated/schema-types.ts";
import { wrapRootFields } from "../wrap-root-fields.ts";
import { forbidden, judgeSubject, notFound } from "./require-role.ts";
import { type Right, rightOf, type SubjectKind } from "./rights.ts";
import { hasSomewhere, includes, type Viewer } from "./viewer.ts";

/** The same resolvers, each root field behind what the table of rights says about it. What lies below a root field is in its corpus. */
export function guardRootFields(resolvers: Resolvers): Resolvers {
  return wrapRootFields(resolvers, (name, resolve) => async (root, args, context, info) => {
    const missing = await findMissing(rightOf(name), args, context);
    if (missing === null) return resolve(root, args, context, info);
    // By its text: a process may hold two copies of graphql-js, and one does not know the types of the other.
    const isNullable = !String(info.returnType).endsWith("!");
    if (name.startsWith("Query.") && isNullable) return null;
    throw notFound(missing.kind, missing.subject);
  });
}

interface Missing {
  readonly kind: SubjectKind;
  readonly subject: string;
}

/** Each is looked up. A search may name 16 corpora and 8 pictures. */
const MOST_NAMED = 64;

/** The first thing named that does not exist for the caller; null when he may go on. Throws FORBIDDEN when his role is too low. */
async function findMissing(right: Right, args: object, context: GatewayContext): Promise<Missing | null> {
  const { viewer } = context;
  if (includes(viewer.everywhere, right.least)) return null;
  if (right.where === "all") throw forbidden(viewer, viewer.everywhere, right.least, "in every corpus");
  if (right.where === "any") {
    if (hasSomewhere(viewer, right.least)) return null;
    throw forbidden(viewer, highest(viewer), right.least, "in a corpus");
  }
  const named = right.subjects.flatMap(({ kind, path }) => valuesAt(args, path).map((subject) => ({ kind, subject })));
  // Nothing named means everything, or something that only the resolver knows.
  if (named.length === 0) throw forbidden(viewer, viewer.everywhere, right.least, "in every corpus, as none is named");
  const distinct = new Map(named.map((one) => [`${one.kind} ${one.subject}`, one]));
  if (distinct.size > MOST_NAMED) {
    throw badUserInput(`The arguments name ${distinct.size} things, expected at most ${MOST_NAMED}.`);
  }
  for (const { kind, subject } of distinct.values()) {
    if ((await judgeSubject(context, kind, subject, right.least)) === "absent") return { kind, subject };
  }
  return null;
}

function highest(viewer: Viewer) {
  const order = ["ADMIN", "INGESTOR", "CURATOR", "VIEWER"] as const;
  return order.find((role) => hasSomewhere(viewer, role)) ?? null;
}

/** Every text at the end of a path of members; lists on the way are gone through, what is absent is left out. */
export function valuesAt(value: unknown, path: string): string[] {
  const steps = path.split(".");
  let found: unknown[] = [value];
  for (const step of steps) {
    found = found
      .flatMap((each) => (Array.isArray(each) ? each.flat(Number.POSITIVE_INFINITY) : [each]))
      .map((each) => (typeof each === "object" && each !== null ? (each as Record<string, unknown>)[step] : undefined));
  }
  return found.flatMap((each) => (Array.isArray(each) ? each : [each])).filter((each) => typeof each === "string");
}
