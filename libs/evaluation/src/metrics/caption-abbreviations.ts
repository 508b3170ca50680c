import { splitWords } from "./split-words.ts";

/** Keep their period: lower case, with a capital, and all capitals. Found by giving the tokeniser 290,000 words. */
const IN_ANY_CASE = splitWords(`
  adj adm adv al ala apr ariz assn aug ave bhd blvd brig bros calif capt cf cie cmdr co col colo comdr conn corp cos cpl ct dak
  dec dept det dr drs ens esq est etc ext feb fla fri ft ga gen gov govs hon inc ind intl jan jos jr jul jun kan kans ky lieut lt
  ltd maj mar md messrs mich minn mme mo mon mont mr mrs ms mt natl neb nev nov oct okla penn pfc ph plc pres prof profs pvt rd
  rep reps rev rt sen sens sep sept seq sfc sgt spc sq sr st ste supt sys tel tenn thu thurs treas tue tues univ va vs vt wed wis
  wisc wm wyo
`);

/** States that would be words in lower case. */
const WITH_CAPITAL = splitWords("ark az del ill la mass miss ore pa tex wash");

const NOT_ALL_CAPITALS = splitWords("mfg mtg pte pty");

/** Keep their period before a number only: "no. 5". */
const BEFORE_NUMBER = splitWords("art ca fig figs no nos op pp prop");

const STARTS = splitWords(`
  A About According Additionally After An As At But Earlier He Her Here However If In It Last Many More Now Once One Other Our She
  Since So Some Such That The Their Then There These They This We What When While Yet You
`);

/** Before one of these the period after a single letter ends the sentence ("vitamin C. The"); otherwise it is an initial's ("C. Lewis"). */
export const SENTENCE_STARTS: readonly string[] = STARTS.flatMap((word) => [word, word.toUpperCase()]);

/** Words whose period belongs to them wherever they stand. */
export const ABBREVIATIONS: readonly string[] = [
  ...[...IN_ANY_CASE, ...NOT_ALL_CAPITALS].flatMap((word) => [word, capitalised(word)]),
  ...WITH_CAPITAL.map(capitalised),
  ...[...IN_ANY_CASE, ...WITH_CAPITAL].map((word) => word.toUpperCase()),
];

/** Words whose period belongs to them when a number follows. */
export const ABBREVIATIONS_BEFORE_NUMBER: readonly string[] = BEFORE_NUMBER.flatMap((word) => [
  word,
  capitalised(word),
  word.toUpperCase(),
]);

function capitalised(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}
