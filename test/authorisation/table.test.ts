/**
 * Who may do what, by every way in: the table of docs/authorisation.md asked of real sockets. A line says for each role
 * whether the action is carried out; a protocol that has no words for an action leaves it out.
 */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { RawSession } from "../support/raw-session.ts";
import { type Door, doors, until, type Visitor } from "./doors.ts";
import { type Claims, introduce, startTokenServer, type TokenServer, tokenOf } from "./token-server.ts";

interface Role {
  readonly name: string;
  /** Undefined: it has no token. */
  readonly claims: Claims | undefined;
  readonly rooms: readonly string[];
}

const roles = [
  { name: "member", claims: {}, rooms: ["#team", "#lobby"] },
  { name: "outsider", claims: {}, rooms: ["#lobby"] },
  {
    name: "restricted",
    claims: { parley: { send: ["#team"], read: ["#team", "*"], join: ["#team-*"] } },
    rooms: ["#team", "#lobby"],
  },
  { name: "administrator", claims: { parley: { admin: true } }, rooms: ["#lobby"] },
  { name: "nobody", claims: undefined, rooms: [] },
] as const satisfies readonly Role[];

/** What a visitor tries, and how it is seen whether it was carried out. Undefined: its protocol has no words for it. */
interface Trial {
  readonly action: string;
  /** By role, in the order above. */
  readonly allowed: readonly [boolean, boolean, boolean, boolean, boolean];
  run(visit: Visit): Promise<boolean> | undefined;
}

interface Visit {
  readonly door: Door;
  readonly visitor: Visitor;
  readonly name: string;
  /** Bob's session: a member of #team who hears everything. */
  readonly bob: RawSession;
}

let texts = 0;

/** Whether bob gets what `send` sends, or else the visitor is refused: one of both has to happen. */
async function arrives({ door, visitor, bob }: Visit, send: (body: string) => void | Promise<void>): Promise<boolean> {
  const body = `text ${++texts}.`;
  const refusals = visitor.told().filter((text) => door.isRefusal(text)).length;
  await send(body);
  const isHeard = () => bob.received.some((event) => event.op === "message" && event.body === body);
  const isRefused = () => visitor.told().filter((text) => door.isRefusal(text)).length > refusals;
  await until(() => isHeard() || isRefused(), `${body} to arrive or be refused`);
  assert.ok(isHeard() !== isRefused(), "it was carried out and refused");
  return isHeard();
}

/** Whether the visitor hears what bob sends to `to`; `mark` is an address that it does hear. */
async function hears({ visitor, bob, name }: Visit, to: string): Promise<boolean> {
  const marks = [name, "#team", "*"];
  const round = async () => {
    const number = ++texts;
    for (const address of [to, ...marks]) bob.send({ op: "send", to: address, body: `${address} ${number}.` });
    const isMark = (text: string) => marks.some((address) => text.includes(`${address} ${number}.`));
    await until(() => visitor.told().some(isMark), `anything of round ${number}`);
    return number;
  };
  const first = await round();
  // What was sent before what has come has come.
  await round();
  return visitor.told().some((text) => text.includes(`${to} ${first}.`));
}

const isOk = async (answer: Promise<string> | undefined) => !/"op":"error"|does not allow/.test((await answer) ?? "");

const trials: readonly Trial[] = [
  {
    action: "send to a user",
    allowed: [true, true, false, true, false],
    run: (visit) => arrives(visit, (body) => visit.visitor.send("bob", body)),
  },
  {
    action: "send to a room",
    allowed: [true, false, true, false, false],
    run: (visit) => arrives(visit, (body) => visit.visitor.send("#team", body)),
  },
  {
    action: "send to everybody",
    allowed: [true, true, false, true, false],
    run: (visit) => arrives(visit, (body) => visit.visitor.send("*", body)),
  },
  {
    action: "send as somebody else",
    allowed: [false, false, false, false, false],
    run: (visit) => {
      const { sendAs } = visit.visitor;
      return sendAs && arrives(visit, (body) => sendAs("carol", "bob", body));
    },
  },
  {
    action: "be delivered one's own messages",
    allowed: [true, true, false, true, false],
    run: (visit) => (visit.name === "nobody" ? undefined : hears(visit, visit.name)),
  },
  {
    action: "be delivered a room",
    allowed: [true, false, true, false, false],
    run: (visit) => (visit.name === "nobody" ? undefined : hears(visit, "#team")),
  },
  {
    action: "be delivered what is sent to everybody",
    allowed: [true, true, true, true, false],
    run: (visit) => (visit.name === "nobody" ? undefined : hears(visit, "*")),
  },
  {
    action: "join a room",
    allowed: [true, true, false, true, false],
    run: ({ visitor, name }) => (visitor.join && name !== "nobody" ? isOk(visitor.join(`#other-${name}`)) : undefined),
  },
  {
    action: "join a room of the right's",
    allowed: [true, true, true, true, false],
    run: ({ visitor, name }) => (visitor.join && name !== "nobody" ? isOk(visitor.join(`#team-${name}`)) : undefined),
  },
  {
    action: "page in one's own log",
    allowed: [true, true, false, true, false],
    run: ({ visitor, name }) => visitor.history && isOk(visitor.history(name)),
  },
  {
    action: "page in a room's log",
    allowed: [true, false, true, false, false],
    run: ({ visitor }) => visitor.history && isOk(visitor.history("#team")),
  },
  {
    action: "page in somebody else's log",
    allowed: [false, false, false, false, false],
    run: ({ visitor }) => visitor.history && isOk(visitor.history("bob")),
  },
  {
    action: "watch somebody",
    allowed: [true, true, false, true, false],
    run: ({ visitor }) => visitor.watch && isOk(visitor.watch(["bob"])),
  },
  {
    action: "watch everybody",
    allowed: [true, true, false, true, false],
    run: ({ visitor }) => visitor.watch && isOk(visitor.watch(undefined)),
  },
  {
    action: "see who is there",
    allowed: [true, true, false, true, false],
    run: ({ visitor, name }) =>
      visitor.sees && name !== "nobody" ? visitor.sees().then((names) => names.includes("bob")) : undefined,
  },
];

describe("who may do what", () => {
  for (const door of doors) {
    for (const [index, role] of roles.entries()) {
      it(`${door.name}, ${role.name}`, async (t) => {
        const server = await startTokenServer(t);
        const { visitor, name } = await visit(t, server, door, role);
        const bob = await bobOf(t, server);
        for (const { action, allowed, run } of trials) {
          const done = await run({ door, visitor, name, bob });
          if (done !== undefined) assert.equal(done, allowed[index], action);
        }
      });
    }
  }
});

async function visit(t: TestContext, server: TokenServer, door: Door, { name, claims, rooms }: Role) {
  await introduce(server, "bob", "#team", "#lobby");
  await introduce(server, "carol");
  if (claims) await introduce(server, name, ...rooms);
  const visitor = await door.enter(t, server, name, claims && tokenOf(name, claims));
  return { visitor, name };
}

/** Bob is there by two ways, so that devices see him too. */
async function bobOf(t: TestContext, server: TokenServer): Promise<RawSession> {
  const device = doors.find(({ name }) => name === "device-text");
  await device?.enter(t, server, "bob", tokenOf("bob"));
  const bob = await RawSession.login(server.tcp, "bob", { token: tokenOf("bob") });
  t.after(() => bob.close());
  return bob;
}
