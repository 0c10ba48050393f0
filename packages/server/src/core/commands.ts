/**
 * What a session may ask, each with its handler: the one place where commands are told apart and where it is decided
 * whether the session may. Gateways of other protocols make the same commands.
 */
import {
  type ClientMessages,
  defaultListing,
  fail,
  type LogName,
  ok,
  parseAddress,
  parseRoom,
  parseUser,
  type Result,
  type RoomKey,
  type UserKey,
} from "@parley/protocol";
import { StorageUnavailable } from "../engine/engine.ts";
import type { Entry } from "../engine/entry.ts";
import type { CoreEvent } from "./connection.ts";
import type { User } from "./directory.ts";
import { parseHistory, readPage } from "./history.ts";
import { findRoom, join, leave } from "./membership.ts";
import type { Services } from "./services.ts";
import type { Session } from "./session.ts";
import { submit } from "./submission.ts";
import type { Awaited } from "./subscription.ts";

type Asked = Omit<ClientMessages, "hello" | "ping" | "bye">;
/** Anything that a session may ask for, by `op`. */
export type Command = Asked[keyof Asked];
/** The answer to a command, without its `ref`; undefined where there is none, or none yet. */
type Answer = Result<Told | undefined>;
type Told = Exclude<CoreEvent, Entry>;
type About = { readonly ref?: string; readonly clientId?: string };

type Handler<C> = (services: Services, session: Session, command: C) => Answer;

const handlers: { readonly [Op in keyof Asked]: Handler<Asked[Op]> } = {
  send: submit,
  ack,
  join: inTurn(joinRoom),
  leave: inTurn(leave),
  history: inTurn(history),
  users: listUsers,
  rooms: listRooms,
  watch,
  unwatch,
};

const nothing: Answer = ok(undefined);

/** Carries out a command; what comes of it, faults included, goes to the session's connection. Hot path for send and ack. */
export function handle(services: Services, session: Session, command: Command): void {
  if (session.ended) return;
  try {
    answer(session, command, (handlers[command.op] as Handler<Command>)(services, session, command));
  } catch (error) {
    services.onError("bug", error);
    answer(session, command, fail("internal", "a bug in the server; it is in its log"));
  }
}

function answer(session: Session, command: Command, result: Answer): void {
  const about = command as About;
  if (!result.ok) session.fault(result.fault, about);
  else if (result.value)
    session.tell(about.ref === undefined ? result.value : ({ ...result.value, ref: about.ref } as Told));
}

/** Makes a handler that uses the store run after those before it, and a store that cannot serve an answer. */
function inTurn<C extends Command>(
  handler: (services: Services, session: Session, command: C) => Promise<Answer>,
): Handler<C> {
  return (services, session, command) => {
    session.requests.enqueue(async () => {
      const result = await handler(services, session, command).catch((error: unknown) => {
        if (error instanceof StorageUnavailable)
          return fail("storage_unavailable", "the store cannot serve this now", 1000);
        services.onError("bug", error);
        return fail("internal", "a bug in the server; it is in its log");
      });
      answer(session, command, result);
    });
    return nothing;
  };
}

function ack(services: Services, session: Session, { log, seq, read = false }: Asked["ack"]): Answer {
  let subscription = session.subscriptions.get(log as LogName);
  if (!subscription) {
    const address = parseAddress(log);
    if (!address.ok) return address;
    subscription = session.subscriptions.get(address.value.key);
    if (!subscription) return fail("forbidden", `ack: you do not read ${address.value.name}`);
  }
  if (seq > subscription.topic.tail) return fail("bad_message", `ack: seq ${seq} is beyond the end of the log`);
  session.ack(subscription, Math.min(seq, subscription.sent));
  if (subscription.topic.log === session.user.key)
    tellReceipts(services, session, subscription.receipts(seq, read), read);
  return nothing;
}

/** Tells the senders' sessions that a device has, or a person has read, their messages. */
function tellReceipts(
  { directory, clock }: Services,
  session: Session,
  messages: readonly Awaited[],
  read: boolean,
): void {
  for (const { id, clientId, from } of messages) {
    const sender = parseUser(from);
    const about = {
      id,
      ...(clientId === undefined ? {} : { clientId }),
      user: session.user.name,
      device: session.device,
    };
    const state = read ? "read" : "delivered";
    for (const other of (sender.ok && directory.users.get(sender.value.key)?.sessions) || []) {
      other.tell({ op: "receipt", ...about, state, ts: clock.now() });
    }
  }
}

async function joinRoom(services: Services, session: Session, command: Asked["join"]): Promise<Answer> {
  return join(services, session, command, (joined) => answer(session, command, ok(joined)));
}

async function history({ engine, clock }: Services, { user }: Session, command: Asked["history"]): Promise<Answer> {
  const query = parseHistory(command);
  if (!query.ok) return query;
  const { log } = query.value;
  const allowed = log === user.key || log === "*" || user.rooms.has(log as RoomKey);
  if (!allowed) return fail("forbidden", `history: you do not read ${log}`);
  if (query.value.with !== undefined && log !== user.key)
    return fail("bad_message", 'history: "with" is only for one\'s own log');
  return ok({ op: "page", ...(await readPage(engine, query.value, clock.now())) });
}

/** The first `limit` of `keys` after `after`, in order, and the last of them if there are more. */
function pageOf<K extends string>(keys: Iterable<K>, after: string, limit: number): { page: K[]; next?: K } {
  const sorted = [...keys].filter((key) => key > after).sort();
  const page = sorted.slice(0, limit);
  const last = page.at(-1);
  return sorted.length > limit && last !== undefined ? { page, next: last } : { page };
}

function listUsers({ directory, presence }: Services, _: Session, command: Asked["users"]): Answer {
  const { limit = defaultListing } = command;
  const room = command.room === undefined ? undefined : findRoom(directory.rooms, command.room);
  if (room && !room.ok) return room;
  const after = command.after === undefined ? undefined : parseUser(command.after);
  if (after && !after.ok) return after;
  const users: ReadonlyMap<UserKey, User> = room ? room.value.members : directory.users;
  const { page, ...next } = pageOf(users.keys(), after?.value.key ?? "", limit);
  return ok({
    op: "presence",
    users: page.flatMap((key) => users.get(key) ?? []).map((user) => presence.of(user)),
    ...next,
  });
}

function listRooms(
  { directory }: Services,
  { user }: Session,
  { after, limit = defaultListing }: Asked["rooms"],
): Answer {
  const from = after === undefined ? undefined : parseRoom(after);
  if (from && !from.ok) return from;
  const { page, ...next } = pageOf(directory.rooms.keys(), from?.value.key ?? "", limit);
  const rooms = page
    .flatMap((key) => directory.rooms.get(key) ?? [])
    .map(({ key, name, members }) => ({ room: name, members: members.size, joined: user.rooms.has(key) }));
  return ok({ op: "rooms", rooms, ...next });
}

function parseUsers(names: readonly string[]): Result<UserKey[]> {
  const keys: UserKey[] = [];
  for (const name of names) {
    const user = parseUser(name);
    if (!user.ok) return user;
    keys.push(user.value.key);
  }
  return ok(keys);
}

function watch({ directory, presence, policy }: Services, session: Session, { users, ref }: Asked["watch"]): Answer {
  const keys = parseUsers(users ?? []);
  if (!keys.ok) return keys;
  const { maxWatched } = policy;
  if (maxWatched > 0 && watchedWith(session, keys.value) > maxWatched)
    return fail("too_many", `a session watches at most ${maxWatched} users by name: watch everybody instead`);
  presence.watch(session, users && keys.value);
  session.tell(ref === undefined ? { op: "ok" } : { op: "ok", ref });
  if (users === undefined) return nothing;
  const known = keys.value.map((key, i) => directory.users.get(key) ?? (users[i] as string));
  session.tell({
    op: "presence",
    users: known.map((user) => (typeof user === "string" ? { user, online: false } : presence.of(user))),
  });
  return nothing;
}

/** How many users the session would watch with these. */
function watchedWith({ watching }: Session, users: readonly UserKey[]): number {
  if (watching === "everybody") return 0;
  return watching.size + new Set(users.filter((user) => !watching.has(user))).size;
}

function unwatch({ presence }: Services, session: Session, { users }: Asked["unwatch"]): Answer {
  const keys = parseUsers(users ?? []);
  if (!keys.ok) return keys;
  presence.unwatch(session, users && keys.value);
  return ok({ op: "ok" });
}
