import { type RefObject, useLayoutEffect, useRef } from "react";
import { wantsNoMotion } from "./calm-updates.ts";

const GLIDE = { duration: 260, easing: "ease-out" } as const;

interface Place {
  readonly left: number;
  readonly top: number;
}

/**
 * Lets the children of a list glide to their places when its order changes, so that a reader can follow them; new ones fade in. Children are known by
 * `data-id`.
 */
export function useMoves(list: RefObject<HTMLElement | null>, order: string): void {
  const places = useRef<ReadonlyMap<string, Place>>(new Map());
  // biome and React's own rule would list nothing but `order`: it stands for what has moved.
  useLayoutEffect(() => {
    const before = places.current;
    const children = [...(list.current?.children ?? [])].filter((child) => child instanceof HTMLElement);
    places.current = new Map(children.map((child) => [child.dataset["id"] ?? "", placeOf(child)]));
    if (before.size === 0 || wantsNoMotion()) return;
    for (const child of children) glide(child, before.get(child.dataset["id"] ?? ""));
  }, [list, order]);
}

function placeOf({ offsetLeft, offsetTop }: HTMLElement): Place {
  return { left: offsetLeft, top: offsetTop };
}

function glide(child: HTMLElement, from: Place | undefined): void {
  if (from === undefined) return void child.animate({ opacity: [0, 1] }, GLIDE);
  const to = placeOf(child);
  const [left, top] = [from.left - to.left, from.top - to.top];
  if (left !== 0 || top !== 0) child.animate({ transform: [`translate(${left}px, ${top}px)`, "none"] }, GLIDE);
}
