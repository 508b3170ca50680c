export const TASKS = ["retrieval", "detection", "captions", "vqa", "pairs", "classes"] as const;
/** What is measured; "detection" is telling queries without an answer from those with one. */
export type TaskName = (typeof TASKS)[number];
