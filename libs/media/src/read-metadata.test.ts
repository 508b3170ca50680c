import sharp from "sharp";
import { expect, test } from "vitest";
import { decodeImage } from "./decode-image.ts";
import { makeThumbnail } from "./make-thumbnail.ts";
import { METADATA_KINDS, readMetadata } from "./read-metadata.ts";

const picture = () => sharp({ create: { width: 40, height: 30, channels: 3, background: "#a33" } });
const EXIF = {
  IFD0: { Make: "Canon", Model: "Canon EOS 5D", Artist: "Ann", Copyright: "secret" },
  IFD2: { DateTimeOriginal: "2024:05:01 10:20:30", OffsetTimeOriginal: "+02:00", BodySerialNumber: "12345" },
  IFD3: {
    ...{ GPSLatitudeRef: "N", GPSLatitude: "47/1 22/1 30/1" },
    ...{ GPSLongitudeRef: "W", GPSLongitude: "8/1 32/1 0/1" },
  },
};
const ALL = { takenAt: "2024-05-01T08:20:30.000Z", camera: "Canon EOS 5D", latitude: 47.375, longitude: -8.533333 };
const xmp = (attributes: string, end = "</rdf:RDF>") =>
  `<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">
    <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
    xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" ${attributes}/>${end}
    </x:xmpmeta><?xpacket end="w"?>`;

test.each(["jpeg", "png", "webp", "avif"] as const)(
  "reads date, camera and position from the EXIF of %s",
  async (format) => {
    const bytes = await picture().withExif(EXIF).toFormat(format).toBuffer();
    expect(await readMetadata(bytes, METADATA_KINDS)).toEqual({ metadata: ALL, isBroken: false });
  },
);

test("reads only what is asked for", async () => {
  const bytes = await picture().withExif(EXIF).jpeg().toBuffer();
  expect(await readMetadata(bytes, [])).toEqual({ metadata: {}, isBroken: false });
  expect((await readMetadata(bytes, ["camera"])).metadata).toEqual({ camera: "Canon EOS 5D" });
  expect(Object.keys((await readMetadata(bytes, ["position"])).metadata)).toEqual(["latitude", "longitude"]);
});

test("reads XMP where there is no EXIF", async () => {
  const text = xmp(
    'exif:DateTimeOriginal="2023-02-03T04:05:06+01:00" tiff:Make="Fuji" tiff:Model="X100" exif:GPSLatitude="47,22.5S" exif:GPSLongitude="8,32,6E"',
  );
  for (const format of ["jpeg", "webp", "tiff"] as const) {
    const bytes = await picture().withXmp(text).toFormat(format).toBuffer();
    expect((await readMetadata(bytes, METADATA_KINDS)).metadata, format).toEqual({
      ...{ takenAt: "2023-02-03T03:05:06.000Z", camera: "Fuji X100" },
      ...{ latitude: -47.375, longitude: 8.535 },
    });
  }
});

test("leaves out what a camera filled with zeros or nonsense", async () => {
  const exif = {
    IFD0: { Make: "   ", Model: "x".repeat(500) },
    IFD2: { DateTimeOriginal: "0000:00:00 00:00:00" },
    IFD3: { GPSLatitudeRef: "N", GPSLatitude: "0/0 0/0 0/0", GPSLongitudeRef: "E", GPSLongitude: "999/1 0/1 0/1" },
  };
  const bytes = await picture().withExif(exif).jpeg().toBuffer();
  expect(await readMetadata(bytes, METADATA_KINDS)).toEqual({ metadata: {}, isBroken: false });
});

test("says that metadata is broken while the picture is good", async () => {
  const good = await picture().withExif(EXIF).jpeg().toBuffer();
  const at = good.indexOf("Exif\0\0");
  const headless = Buffer.from(good).fill(0xff, at + 6, at + 30);
  expect(await readMetadata(headless, METADATA_KINDS)).toEqual({ metadata: {}, isBroken: true });
  expect(await decodeImage(headless)).toMatchObject({ width: 40, height: 30 });
  const torn = await picture().withXmp(xmp('tiff:Model="X100"', "<")).jpeg().toBuffer();
  expect((await readMetadata(torn, METADATA_KINDS)).isBroken).toBe(true);
  for (let start = 0; start < good.length; start += 7) {
    const damaged = Buffer.from(good).fill(0xff, at + 6 + start, at + 13 + start);
    if (
      (await sharp(damaged)
        .metadata()
        .catch(() => null)) === null
    )
      break;
    const { metadata } = await readMetadata(damaged, METADATA_KINDS);
    expect(Object.keys(ALL)).toEqual(expect.arrayContaining(Object.keys(metadata)));
  }
});

test("puts none of it into a thumbnail", async () => {
  const bytes = await picture().withExif(EXIF).withXmp(xmp('tiff:Model="X100"')).jpeg().toBuffer();
  const thumbnail = await makeThumbnail(bytes, { maxSidePixels: 20 });
  const { exif, xmp: kept, iptc } = await sharp(thumbnail.bytes).metadata();
  expect([exif, kept, iptc]).toEqual([undefined, undefined, undefined]);
});
