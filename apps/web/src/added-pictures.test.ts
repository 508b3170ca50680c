import { expect, test } from "vitest";
import { type AddedPicture, changePicture, describeTally, tallyOf } from "./added-pictures.ts";

const picture = (id: number, phase: AddedPicture["phase"]): AddedPicture => ({
  id,
  name: `${id}.jpg`,
  corpus: "mine",
  sizeBytes: 10,
  sentBytes: 0,
  phase,
  problem: null,
});

test("says how many pictures were added while others are on their way, and what could not be", () => {
  expect(describeTally(tallyOf([]))).toBe("");
  const all = [picture(1, "ADDED"), picture(2, "SENDING"), picture(3, "WAITING"), picture(4, "FAILED")];
  expect(tallyOf(all)).toEqual({ total: 4, added: 1, failed: 1, open: 2 });
  expect(describeTally(tallyOf(all))).toBe("1 of 4 pictures added … 1 picture could not be added.");
  expect(describeTally(tallyOf([picture(1, "ADDED"), picture(2, "ADDED")]))).toBe("2 pictures added.");
});

test("changes one picture and leaves the others as they are", () => {
  const [first, second] = [picture(1, "WAITING"), picture(2, "WAITING")];
  const changed = changePicture([first, second], { id: 2, phase: "SENDING", sentBytes: 5 });
  expect(changed).toEqual([first, { ...second, phase: "SENDING", sentBytes: 5 }]);
  expect(changed[0]).toBe(first);
});
