/**
 * What a session may ask, each with its handler: the one place where commands are told apart. Whether the session may is
 * decided by `authorisation.ts`. Gateways of other protocols make the same commands.
 */
import {
  type ClientMessages,
  defaultListing,
  type ErrorCode,
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
import { renew } from "./admission.ts";
import { authorise } from "./authorisation.ts";
import type { CoreEvent } from "./connection.ts";
import type { User } from "./directory.ts";
import type { About } from "./error-event.ts";
import { parseHistory, readPage } from "./history.ts";
import type { LogFields } from "./log.ts";
import { findRoom, join, leave } from "./membership.ts";
import type { Send } from "./message.ts";
import { pageOf } from "./paging.ts";
import { planRejection } from "./rejection.ts";
import type { Services } from "./services.ts";
import type { Session } from "./session.ts";
import { submit } from "./submission.ts";
import type { Awaited, Subscription } from "./subscription.ts";

type Asked = Omit<ClientMessages, "hello" | "ping" | "bye" | "send"> & { readonly send: Send };
/** Anything that a session may ask for, by `op`. */
export type Command = Asked[keyof Asked];
/** The answer to a command, without its `ref`; undefined where there is none, or none yet. */
type Answer = Result<Told | undefined>;
type Told = Exclude<CoreEvent, Entry>;

type Handler<C> = (services: Services, session: Session, command: C) => Answer;

const handlers: { readonly [Op in keyof Asked]: Handler<Asked[Op]> } = {
  send: submit,
  ack,
  reject,
  join: inTurn(joinRoom),
  leave: inTurn(leave),
  history: inTurn(history),
  users: listUsers,
  rooms: listRooms,
  watch,
  unwatch,
  renew: inTurn(renew),
};

const nothing: Answer = ok(undefined);

/** Carries out a command; what comes of it, faults included, goes to the session's connection. Hot path for send and ack. */
export function handle(services: Services, session: Session, command: Command): void {
  if (session.ended) return;
  try {
    const result = (handlers[command.op] as Handler<Command>)(services, session, command);
    if (!result.ok && command.op === "send") sendRefused(services, session, command, result.fault.code);
    answer(session, command, result);
  } catch (error) {
    services.onError("bug", error, aboutOf(session, command));
    answer(session, command, fail("internal", "a bug in the server; it is in its log"));
  }
}

function sendRefused({ traffic }: Services, session: Session, command: Asked["send"], code: ErrorCode): void {
  traffic.sendRefused(code, aboutOf(session, command));
}

/** For the log: what was asked, by whom, without what was said. */
function aboutOf({ user, info }: Session, command: Command): LogFields {
  return { op: command.op, clientId: (command as About).clientId, user: user.name, gateway: info.gateway };
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
        services.onError("bug", error, aboutOf(session, command));
        return fail("internal", "a bug in the server; it is in its log");
      });
      answer(session, command, result);
    });
    return nothing;
  };
}

/** A log that the session reads, by any spelling of its name. */
function subscriptionTo(session: Session, log: string, op: string): Result<Subscription> {
  const known = session.subscriptionTo(log as LogName);
  if (known) return ok(known);
  const address = parseAddress(log);
  if (!address.ok) return address;
  const subscription = session.subscriptions.get(address.value.key);
  return subscription ? ok(subscription) : fail("forbidden", `${op}: you do not read ${address.value.name}`);
}

function reject(services: Services, session: Session, command: Asked["reject"]): Answer {
  const subscription = subscriptionTo(session, command.log, "reject");
  if (!subscription.ok) return subscription;
  const rejection = planRejection(services, session, subscription.value, command);
  return rejection.ok ? inTurn(rejection.value)(services, session, command) : rejection;
}

/** Acknowledges for a peer whose protocol has no word for it. Hot path. */
export function acknowledge(services: Services, session: Session, log: LogName, seq: number): void {
  const subscription = session.subscriptionTo(log);
  if (session.ended || !subscription) return;
  if (subscription.rejecting > 0) return handle(services, session, { op: "ack", log, seq });
  try {
    ackUpTo(services, session, subscription, { op: "ack", log, seq });
  } catch (error) {
    services.onError("bug", error, { op: "ack", user: session.user.name, gateway: session.info.gateway });
  }
}

function ack(services: Services, session: Session, command: Asked["ack"]): Answer {
  const found = subscriptionTo(session, command.log, "ack");
  if (!found.ok) return found;
  const subscription = found.value;
  // It would pass over what is rejected before that has its dead letter.
  if (subscription.rejecting === 0) return ackUpTo(services, session, subscription, command);
  return inTurn(async () => ackUpTo(services, session, subscription, command))(services, session, command);
}

function ackUpTo(
  services: Services,
  session: Session,
  subscription: Subscription,
  { seq, read = false }: Asked["ack"],
): Answer {
  if (seq > subscription.topic.tail) return fail("bad_message", `ack: seq ${seq} is beyond the end of the log`);
  session.ack(subscription, Math.min(seq, subscription.sent));
  if (subscription.isOwn) tellReceipts(services, session, subscription.receipts(seq, read), read);
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

async function history({ engine, clock }: Services, session: Session, command: Asked["history"]): Promise<Answer> {
  const query = parseHistory(command);
  if (!query.ok) return query;
  const { log } = query.value;
  const allowed = authorise(session, "read", log);
  if (!allowed.ok) return fail(allowed.fault.code, `history: ${allowed.fault.message}`);
  if (command.with !== undefined && log !== session.user.key)
    return fail("bad_message", 'history: "with" is only for one\'s own log');
  return ok({ op: "page", ...(await readPage(engine, query.value, clock.now())) });
}

function listUsers({ directory, presence }: Services, session: Session, command: Asked["users"]): Answer {
  const { limit = defaultListing } = command;
  const room = command.room === undefined ? undefined : findRoom(directory.rooms, command.room, session);
  if (room && !room.ok) return room;
  const after = command.after === undefined ? undefined : parseUser(command.after);
  if (after && !after.ok) return after;
  const users: ReadonlyMap<UserKey, User> = room ? room.value.members : directory.users;
  // Who may see a room may see who is in it.
  const visible = room ? users.keys() : visibleOf(session, "seeUser", users.keys());
  const { page, ...next } = pageOf(visible, after?.value.key ?? "", limit);
  return ok({
    op: "presence",
    users: page.flatMap((key) => users.get(key) ?? []).map((user) => presence.of(user)),
    ...next,
  });
}

/** Those of `keys` that the session may see. */
function visibleOf<K extends UserKey | RoomKey>(
  session: Session,
  action: K extends UserKey ? "seeUser" : "seeRoom",
  keys: Iterable<K>,
): Iterable<K> {
  if (authorise(session, "seeEverybody", undefined).ok) return keys;
  return [...keys].filter((key) => authorise<"seeUser" | "seeRoom">(session, action, key as never).ok);
}

function listRooms(
  { directory }: Services,
  session: Session,
  { after, limit = defaultListing }: Asked["rooms"],
): Answer {
  const from = after === undefined ? undefined : parseRoom(after);
  if (from && !from.ok) return from;
  const { page, ...next } = pageOf(visibleOf(session, "seeRoom", directory.rooms.keys()), from?.value.key ?? "", limit);
  const rooms = page
    .flatMap((key) => directory.rooms.get(key) ?? [])
    .map(({ key, name, members }) => ({ room: name, members: members.size, joined: session.user.rooms.has(key) }));
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

/** Who watches several must be allowed to see each of them. */
function mayWatch(session: Session, users: readonly UserKey[]): Result<undefined> {
  for (const key of users) {
    const allowed = authorise(session, "seeUser", key);
    if (!allowed.ok) return allowed;
  }
  return ok(undefined);
}

function watch({ directory, presence, policy }: Services, session: Session, { users, ref }: Asked["watch"]): Answer {
  const keys = parseUsers(users ?? []);
  if (!keys.ok) return keys;
  const allowed = users === undefined ? authorise(session, "seeEverybody", undefined) : mayWatch(session, keys.value);
  if (!allowed.ok) return allowed;
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
  return (watching?.size ?? 0) + new Set(users.filter((user) => !watching?.has(user))).size;
}

function unwatch({ presence }: Services, session: Session, { users }: Asked["unwatch"]): Answer {
  const keys = parseUsers(users ?? []);
  if (!keys.ok) return keys;
  presence.unwatch(session, users && keys.value);
  return ok({ op: "ok" });
}
