import { pathToFileURL } from "node:url";
import type { Picture } from "../datasets/dataset.ts";
import type { Example } from "../run/result.ts";
import { type Html, html } from "./html.ts";

/** Address of a picture as the page shows it (a data URI); undefined where there is none. */
export type ThumbnailAddress = (picture: Picture) => string | undefined;

export function exampleCards(examples: readonly Example[], addressOf: ThumbnailAddress): Html {
  return html`<div class="examples">${examples.map((example) => card(example, addressOf))}</div>`;
}

function card({ title, picture, lines, found }: Example, addressOf: ThumbnailAddress): Html {
  const isFound = picture !== undefined && found?.some((one) => one.picture.name === picture.name);
  const shown =
    picture && !isFound
      ? html`<figure>${pictureOf(picture, addressOf)}<figcaption>${fileOf(picture)}</figcaption></figure>`
      : html``;
  const facts = lines.map(({ label, text }) => html`<dt>${label}</dt><dd>${text}</dd>`);
  const order = (found ?? []).map(
    (one) =>
      html`<figure class="${one.right ? "right" : "wrong"}">${pictureOf(one.picture, addressOf)}<figcaption>${one.right ? "✓ " : ""}${one.caption}</figcaption></figure>`,
  );
  return html`<article class="example"><h4>${title}</h4>${shown}<dl>${facts}</dl>${found ? html`<div class="found">${order}</div>` : html``}</article>`;
}

function pictureOf(picture: Picture, addressOf: ThumbnailAddress): Html {
  const address = addressOf(picture);
  if (address !== undefined) return html`<img src="${address}" alt="${picture.name}" title="${picture.name}">`;
  if ("path" in picture.place) {
    return html`<a class="absent" href="${pathToFileURL(picture.place.path).href}">${picture.name}</a>`;
  }
  return html`<span class="absent">${picture.name}</span>`;
}

/** The last part of a picture's name, which may be a long path. */
function fileOf({ name }: Picture): string {
  return name.slice(name.lastIndexOf("/") + 1) || name;
}

/** The pictures that the cards show, each once. */
export function picturesOf(examples: readonly Example[]): Picture[] {
  const all = examples.flatMap(({ picture, found }) => [
    ...(picture ? [picture] : []),
    ...(found ?? []).map((one) => one.picture),
  ]);
  return [...new Map(all.map((picture) => [JSON.stringify(picture.place), picture])).values()];
}
