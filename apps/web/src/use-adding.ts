import { useCallback, useEffect, useRef, useState } from "react";
import { type AddedPicture, changePicture, type PictureChange } from "./added-pictures.ts";
import { announcePicture, sendBytes, waitUntilAdded } from "./send-picture.ts";

/** Pictures that are sent at once. */
const SENDERS = 3;

export interface Adding {
  readonly pictures: readonly AddedPicture[];
  /** Sends these after those that wait already. */
  readonly add: (corpus: string, files: readonly File[]) => void;
  /** Forgets what has ended. */
  readonly tidy: () => void;
}

interface Waiting {
  readonly id: number;
  readonly corpus: string;
  readonly file: File;
}

/**
 * Sends pictures in the order in which they were chosen, also while the dialog is closed. Leaving the page ends it: what has arrived is kept.
 * @param onEnded  told when nothing is on its way any more
 */
export function useAdding(onEnded: () => void): Adding {
  const [pictures, setPictures] = useState<readonly AddedPicture[]>([]);
  const queue = useRef({ waiting: [] as Waiting[], sending: 0, settling: 0, lastId: 0, leave: new AbortController() });
  const told = useRef(onEnded);
  told.current = onEnded;
  useEffect(() => {
    const { current } = queue;
    current.leave = new AbortController();
    return () => current.leave.abort();
  }, []);

  const change = useCallback((one: PictureChange) => setPictures((all) => changePicture(all, one)), []);

  const begin = useCallback(() => {
    const { current } = queue;
    while (current.sending < SENDERS) {
      const next = current.waiting.shift();
      if (next === undefined) return;
      current.sending += 1;
      void send(next, current.leave.signal, change).then(async (url) => {
        current.sending -= 1;
        current.settling += 1;
        begin();
        if (url !== null) await settle(next, url, current.leave.signal, change);
        current.settling -= 1;
        if (current.waiting.length + current.sending + current.settling === 0) told.current();
      });
    }
  }, [change]);

  const add = useCallback(
    (corpus: string, files: readonly File[]) => {
      const { current } = queue;
      const chosen = files.map((file) => ({ id: (current.lastId += 1), corpus, file }));
      current.waiting.push(...chosen);
      const fresh = chosen.map(({ id, file }): AddedPicture => {
        return { id, corpus, name: file.name, sizeBytes: file.size, sentBytes: 0, phase: "WAITING", problem: null };
      });
      setPictures((all) => [...all, ...fresh]);
      begin();
    },
    [begin],
  );
  const tidy = useCallback(
    () => setPictures((all) => all.filter(({ phase }) => phase !== "ADDED" && phase !== "FAILED")),
    [],
  );
  return { pictures, add, tidy };
}

type Change = (change: PictureChange) => void;

/** The address that the picture was sent to; null where that failed. */
async function send({ id, corpus, file }: Waiting, signal: AbortSignal, change: Change): Promise<string | null> {
  change({ id, phase: "SENDING" });
  try {
    const url = await announcePicture(corpus, file, signal);
    await sendBytes(url, file, (sentBytes) => change({ id, sentBytes }), signal);
    change({ id, phase: "STORED", sentBytes: file.size });
    return url;
  } catch (error) {
    if (!signal.aborted) change({ id, phase: "FAILED", problem: problemOf(error) });
    return null;
  }
}

async function settle({ id }: Waiting, url: string, signal: AbortSignal, change: Change): Promise<void> {
  try {
    await waitUntilAdded(url, signal);
    change({ id, phase: "ADDED" });
  } catch (error) {
    if (!signal.aborted) change({ id, phase: "FAILED", problem: problemOf(error) });
  }
}

function problemOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
