/** `parley users` and `parley rooms`: who and what there is, to the last page, for people or as lines of JSON. */
import type { Presence, RoomPage } from "@parley/client";
import { dateAndTime } from "./clock-text.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { jsonLine } from "./json-line.ts";
import { createLineWriter } from "./line-writer.ts";
import { type Login, withClient } from "./login.ts";
import { createPaint, type Paint } from "./paint.ts";
import { presenceText } from "./presence-text.ts";
import { printable } from "./printable.ts";
import { textWidth } from "./text-layout.ts";

export interface DirectoryFlags extends Login {
  readonly json?: boolean;
}

/** A page of a listing. */
interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | undefined;
}

const nameColumns = 24;

/** Lists all known users, or the members of `room`. Resolves with the exit code. */
export function users(flags: DirectoryFlags & { readonly room?: string }): Promise<ExitCode> {
  const { room } = flags;
  return withClient(flags, (client) =>
    printPages(
      async (from) => {
        const page = await client.users({ ...from, ...(room === undefined ? {} : { room }) });
        return { items: page.users, next: page.next };
      },
      (user, paint) => userLine(user, paint),
      flags,
    ),
  );
}

/** Lists all rooms. Resolves with the exit code. */
export function rooms(flags: DirectoryFlags): Promise<ExitCode> {
  return withClient(flags, (client) =>
    printPages(
      async (from) => {
        const page = await client.rooms(from);
        return { items: page.rooms, next: page.next };
      },
      (room, paint) => roomLine(room, paint),
      flags,
    ),
  );
}

async function printPages<Item>(
  load: (from: { after?: string }) => Promise<Page<Item>>,
  line: (item: Item, paint: Paint) => string,
  { json }: DirectoryFlags,
): Promise<ExitCode> {
  const output = createLineWriter(process.stdout);
  const paint = createPaint(process.stdout);
  let after: string | undefined;
  do {
    const page: Page<Item> = await load(after === undefined ? {} : { after });
    for (const item of page.items)
      if ((await output.write(json ? jsonLine(item) : line(item, paint))) === "gone") return exitCodes.ok;
    after = page.next;
  } while (after !== undefined);
  return exitCodes.ok;
}

function userLine(user: Presence, paint: Paint): string {
  return `${column(printable(user.user))}  ${paint(user.online ? "green" : "dim", printable(presenceText(user, dateAndTime)))}`;
}

function roomLine({ room, members, joined }: RoomPage["rooms"][number], paint: Paint): string {
  const count = `${members} ${members === 1 ? "member" : "members"}`;
  return `${column(printable(room))}  ${count}${joined ? paint("green", ", you are one") : ""}`;
}

function column(text: string): string {
  return text + " ".repeat(Math.max(0, nameColumns - textWidth(text)));
}
