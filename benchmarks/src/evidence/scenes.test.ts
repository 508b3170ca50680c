import sharp from "sharp";
import { expect, test } from "vitest";
import { animalPhotographs, drawingsOf } from "./pictures.ts";
import { composeScenes } from "./scenes.ts";

test("parts the drawings into halves that share none", () => {
  const [choosing, heldOut] = [drawingsOf("choosing"), drawingsOf("held-out")].map((some) =>
    some.map(({ file }) => file),
  );
  expect(choosing?.length).toBeGreaterThan(150);
  expect(heldOut?.length).toBeGreaterThan(150);
  expect(choosing?.filter((file) => heldOut?.includes(file))).toEqual([]);
  expect(animalPhotographs().map(({ word }) => word)).toContain("polar bear");
});

test("names things in an order that does not tell where they are, and no absent thing among them", async () => {
  const scenes = await composeScenes(drawingsOf("choosing"), "two", { count: 40, seed: 3 });
  const inOrder = scenes.flatMap(({ things }) => things).filter(({ isInReadingOrder }) => isInReadingOrder).length;
  expect(inOrder).toBeGreaterThan(20);
  expect(inOrder).toBeLessThan(60);
  for (const { things, text, absent } of scenes) {
    expect(things.map(({ word }) => text.indexOf(word)).every((place) => place >= 0)).toBe(true);
    expect(absent.filter((word) => things.some((thing) => thing.word === word))).toEqual([]);
  }
});

test("puts each thing where it says", async () => {
  const [scene] = await composeScenes(drawingsOf("choosing"), "four", { count: 1, seed: 5 });
  if (!scene) throw new Error("no scene");
  for (const { word, cell } of scene.things) {
    const { file } = drawingsOf("choosing").find((one) => one.word === word) ?? {};
    const part = { left: 384 * cell.left, top: 384 * cell.top, width: 192, height: 192 };
    const shown = await sharp(scene.png).extract(part).raw().toBuffer();
    const expected = await sharp(file)
      .flatten({ background: "white" })
      .resize(192, 192, { fit: "fill" })
      .raw()
      .toBuffer();
    expect(Buffer.compare(shown, expected)).toBe(0);
  }
});
