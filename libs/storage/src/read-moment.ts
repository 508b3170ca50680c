const MOMENT = /^(\d{4}-\d{2}-\d{2})(T|$)/;

/** A moment in ISO 8601, or a day, which begins at midnight in UTC; null for anything else, the 31st of February among it. */
export function readMoment(text: string): Date | null {
  const day = MOMENT.exec(text)?.[1];
  const date = new Date(text);
  if (day === undefined || Number.isNaN(date.getTime())) return null;
  // JavaScript turns the 31st of February into the 3rd of March.
  return new Date(`${day}T00:00:00Z`).toISOString().startsWith(day) ? date : null;
}
