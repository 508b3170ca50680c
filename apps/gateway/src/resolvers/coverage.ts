import {
  activeSpace,
  ANSWER_STEP,
  answerFailureClasses,
  countImages,
  type FailureClass,
  failureClasses,
  type Queryable,
  refusalClasses,
  STEPS,
  stepCounts,
} from "@medley/storage";
import type { ErrorClass, StepCoverage } from "../generated/schema-types.ts";

/** How far each step of a corpus is, in its active space. */
export async function coverageOf(db: Queryable, corpusId: string): Promise<StepCoverage[]> {
  const space = await activeSpace(db, corpusId);
  const images = await countImages(db, corpusId);
  const counts = await stepCounts(db, corpusId, space?.id ?? null);
  return STEPS.map((step) => {
    const { pending, leased, ...settled } = counts[step];
    // Counted one after the other: a picture that came in between is planned for, and not counted yet.
    return { step, ...settled, waiting: pending + leased, unplanned: Math.max(0, images - settled.total) };
  });
}

/** What went wrong in a corpus, by step and code, most frequent first. */
export async function errorClassesOf(db: Queryable, corpusId: string): Promise<ErrorClass[]> {
  const space = await activeSpace(db, corpusId);
  const steps = await failureClasses(db, corpusId, space?.id ?? null);
  const answers = await answerFailureClasses(db, corpusId);
  const refused = await refusalClasses(db, corpusId);
  const classes = [
    ...steps.map(classOf),
    ...answers.map(({ question, message, ...rest }) =>
      classOf({ ...rest, step: ANSWER_STEP, message: `${question}: ${message}` }),
    ),
    ...refused.map((refusal): ErrorClass => ({ step: "register", kind: "PERMANENT", waiting: 0, ...refusal })),
  ];
  return classes.sort((one, other) => other.count + other.waiting - (one.count + one.waiting));
}

type Failures = Omit<FailureClass, "step"> & { readonly step: string };

function classOf({ errorClass, failed, cancelled, ...rest }: Failures): ErrorClass {
  return { ...rest, kind: cancelled > 0 ? "CANCELLED" : errorClass, count: failed + cancelled };
}
