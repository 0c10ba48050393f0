/**
 * Reading a log backwards or forwards, page by page. Pages are always in ascending order of seq, whichever way they go.
 */
import type { ClientMessages, ServerMessages } from "@parley/protocol";
import { StoredMessage } from "./message.ts";

export interface HistoryOptions {
  /** Messages before this seq (not included), newest first page. The default, from the end of the log. */
  readonly before?: number;
  /** Messages after this seq (not included). Not together with `before`. */
  readonly after?: number;
  /** Messages per page, at most 500. Default 50. */
  readonly limit?: number;
  /** Only what went between the user and this one; in the user's own log. */
  readonly with?: string;
}

export interface HistoryPage {
  readonly log: string;
  readonly epoch: string;
  /** In ascending order of seq. */
  readonly messages: readonly StoredMessage[];
  /** Where the next page begins: pass it as `before` (or as `after`, if `after` was asked). Undefined on the last page. */
  readonly next: number | undefined;
}

/** Asks the server for one page. */
export type AskHistory = (question: Omit<ClientMessages["history"], "ref">) => Promise<ServerMessages["page"]>;

/** Gets one page. */
export async function readPage(ask: AskHistory, log: string, options: HistoryOptions): Promise<HistoryPage> {
  const { epoch, messages, next, log: name } = await ask({ op: "history", log, ...options });
  return { log: name, epoch, messages: messages.map((message) => new StoredMessage(message, epoch)), next };
}

/** Gets page after page, in the direction that the options name, until there are no more. */
export async function* readPages(
  ask: AskHistory,
  log: string,
  options: HistoryOptions,
): AsyncGenerator<HistoryPage, void, undefined> {
  const { before, after, ...rest } = options;
  let bound: Pick<HistoryOptions, "before" | "after"> =
    after === undefined ? (before === undefined ? {} : { before }) : { after };
  while (true) {
    const page = await readPage(ask, log, { ...rest, ...bound });
    yield page;
    if (page.next === undefined) return;
    bound = after === undefined ? { before: page.next } : { after: page.next };
  }
}
