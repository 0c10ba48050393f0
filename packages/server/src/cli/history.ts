/**
 * `parley history`: messages out of a log in ascending order, for people or as lines of JSON. The newest ones, or those
 * before or after a seq. Moves no cursor.
 */
import type { Client, StoredMessage } from "@parley/client";
import { dateAndTime } from "./clock-text.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { jsonLine } from "./json-line.ts";
import { createLineWriter, type LineWriter } from "./line-writer.ts";
import { type Login, withClient } from "./login.ts";
import { bodyLines, correspondents } from "./message-head.ts";
import { createPaint, nameStyle, type Paint } from "./paint.ts";
import { printable } from "./printable.ts";

export interface HistoryFlags extends Login {
  readonly with?: string;
  readonly limit: number;
  readonly before?: number;
  readonly after?: number;
  readonly json?: boolean;
}

const maxPage = 500;
const seqColumns = 6;

/** Prints messages of `log` (the user's own where it is undefined). Resolves with the exit code. */
export function history(log: string | undefined, flags: HistoryFlags): Promise<ExitCode> {
  const output = createLineWriter(process.stdout);
  return withClient(flags, async (client, { user }) => {
    const name = log ?? user;
    if (flags.after !== undefined) await printForwards(client, name, flags, messagePrinter(user, flags, output));
    else await printNewest(client, name, flags, messagePrinter(user, flags, output));
    return exitCodes.ok;
  });
}

/** Prints one message; resolves with whether anybody still reads. */
type PrintMessage = (message: StoredMessage) => Promise<boolean>;

async function printForwards(client: Client, log: string, flags: HistoryFlags, print: PrintMessage): Promise<void> {
  let left = flags.limit;
  for await (const page of pages(client, log, flags)) {
    for (const message of page.messages.slice(0, left)) if (!(await print(message))) return;
    left -= page.messages.length;
    if (left <= 0) return;
  }
}

async function printNewest(client: Client, log: string, flags: HistoryFlags, print: PrintMessage): Promise<void> {
  const newestFirst: (readonly StoredMessage[])[] = [];
  let left = flags.limit;
  for await (const page of pages(client, log, flags)) {
    newestFirst.push(page.messages.slice(-left));
    left -= page.messages.length;
    if (left <= 0) break;
  }
  for (const messages of newestFirst.reverse()) for (const message of messages) if (!(await print(message))) return;
}

function pages(client: Client, log: string, flags: HistoryFlags) {
  const { limit, before, after, with: other } = flags;
  return client.historyPages(log, {
    limit: Math.min(limit, maxPage),
    ...(other === undefined ? {} : { with: other }),
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  });
}

function messagePrinter(self: string, { json }: HistoryFlags, output: LineWriter): PrintMessage {
  const paint = createPaint(process.stdout);
  return async (message) => {
    const text = json ? jsonLine({ op: "message", ...message }) : forPeople(message, self, paint);
    return (await output.write(text)) === "written";
  };
}

/** The first line with seq, time and names; further lines of the body indented, so that none passes for a message. */
function forPeople(message: StoredMessage, self: string, paint: Paint): string {
  const margin = `${String(message.seq).padStart(seqColumns)}  ${printable(dateAndTime(message.ts))}  `;
  const name = paint(nameStyle(message.from), correspondents(message, self));
  const [first = "", ...more] = bodyLines(message);
  return [`${paint("dim", margin)}${name}: ${first}`, ...more.map((line) => " ".repeat(margin.length) + line)].join(
    "\n",
  );
}
