import { addCaption, registerImage } from "@medley/storage";
import { afterAll, beforeAll, expect, test } from "vitest";
import { nameOfOrigin, ownTextsOf } from "./own-texts.ts";
import { openSampleLibrary, type SampleLibrary } from "./testing/sample-library.ts";

let library: SampleLibrary;
beforeAll(async () => {
  library = await openSampleLibrary({ pictures: 1 });
});
afterAll(() => library[Symbol.asyncDispose]());

test.each([
  ["/photos/Crete 2019/oldLighthouse_02.jpg", "old Lighthouse"],
  ["C:\\Pictures\\red-apple (3).PNG", "red apple"],
  ["https://example.org/a/Sm%C3%A5%20hest.jpeg?width=200#top", "Små hest"],
  ["https://example.org/100%/tower.png", "tower"],
  ["grüne_Wiese.webp", "grüne Wiese"],
  ["kitten's bowl", "kitten's bowl"],
])("reads the words of the name of %s", (origin, name) => {
  expect(nameOfOrigin(origin)).toBe(name);
});

test.each(["IMG_1234.jpg", "/a/lighthouse/DSC00012.JPG", "0001-3fa9.png", "a.b", "", "https://example.org/"])(
  "takes no name from %s, which a camera or a program gave",
  (origin) => {
    expect(nameOfOrigin(origin)).toBeNull();
  },
);

test("lists captions that no captioner wrote and each name once", async () => {
  const { db, corpus } = library;
  const picture = { corpusId: corpus.id, sha256: "a".repeat(64), attributes: {}, webText: "a tower by the sea" };
  const { imageId } = await registerImage(db, { ...picture, origin: "/one/lighthouse.jpg" });
  await registerImage(db, { ...picture, origin: "/two/lighthouse_2.jpg" });
  await registerImage(db, { ...picture, origin: "/two/IMG_7.jpg" });
  await addCaption(db, { imageId, text: "what a machine saw", source: "SYNTHETIC", modelFingerprint: "f" });
  await addCaption(db, { imageId, text: "our holiday", source: "HUMAN" });
  expect((await ownTextsOf(db, [imageId])).map(({ text }) => text)).toEqual([
    "a tower by the sea",
    "our holiday",
    "lighthouse",
  ]);
});
