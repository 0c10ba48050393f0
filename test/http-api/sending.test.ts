/** `POST /v1/messages`: what is stored and said, that a repeat is one message, and what is refused. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RawSession } from "../support/raw-session.ts";
import { type Answered, type ApiServer, startApiServer } from "./api-server.ts";

interface Sent {
  readonly id: string;
  readonly ts: number;
  readonly duplicate?: boolean;
  readonly positions: readonly { readonly log: string; readonly seq: number }[];
}

function post(
  { ask }: ApiServer,
  body: unknown,
  headers: Record<string, string> = {},
  as = "alice",
): Promise<Answered> {
  return ask("/messages", { as, method: "POST", body, headers });
}

const codeOf = ({ status, json }: Answered) => [status, (json as { code?: string }).code];

describe("a message that is sent over HTTP", () => {
  it("is stored, delivered, and its sender told the truth", async (t) => {
    const server = await startApiServer(t);
    const bob = await RawSession.login(server.tcpPort, "bob");
    await server.ask("/me", { as: "carol" });
    const answer = await post(server, { to: ["bob", "carol"], body: "hi", type: "note", durability: "fsync" });
    assert.equal(answer.status, 201);
    const { id, ts, positions, ...sent } = answer.json as Sent;
    assert.deepEqual(sent, {
      durability: "fsync",
      recipients: [
        { to: "bob", state: "online" },
        { to: "carol", state: "stored" },
      ],
    });
    assert.deepEqual(
      positions.map(({ log, seq }) => [log, seq]),
      [
        ["bob", 1],
        ["carol", 1],
        ["alice", 1],
      ],
    );
    const message = await bob.next("message");
    assert.deepEqual(
      [message.id, message.ts, message.body, message.type, message.from],
      [id, ts, "hi", "note", "alice"],
    );
    bob.close();
  });

  it("is one message, however often it comes with the same key", async (t) => {
    const server = await startApiServer(t, { engine: "level" });
    await server.ask("/me", { as: "bob" });
    const again = () => post(server, { to: "bob", body: "once" }, { "idempotency-key": "k-1" });
    const answers = await Promise.all(Array.from({ length: 20 }, again));
    answers.push(await post(server, { to: "bob", body: "once" }, { "idempotency-key": '"k-1"' }));
    answers.push(await post(server, { to: "bob", body: "once", clientId: "k-1" }));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [201]);
    const sent = answers.map(({ json }) => json as Sent);
    assert.equal(sent.filter(({ duplicate }) => !duplicate).length, 1);
    const same = sent.map(({ id, ts, positions }) => JSON.stringify({ id, ts, positions }));
    assert.equal(new Set(same).size, 1);
    const { json } = await server.ask("/logs/bob", { as: "bob" });
    assert.equal((json as { tail: number }).tail, 1);
    const other = await post(server, { to: "bob", body: "twice" }, { "idempotency-key": "k-1" });
    assert.deepEqual(codeOf(other), [409, "client_id_reused"]);
    const mine = await post(server, { to: "bob", body: "mine" }, { "idempotency-key": "k-1" }, "bob");
    assert.equal(mine.status, 201);
  });

  it("is refused where it cannot be what the sender meant", async (t) => {
    const server = await startApiServer(t, { "limits.maxBodyBytes": 1000 });
    await server.ask("/rooms/hers/members/bob", { as: "bob", method: "PUT" });
    const refused: readonly (readonly [unknown, number, string, Record<string, string>?])[] = [
      [{ to: "bob" }, 400, "bad_message"],
      [{ to: "bob", body: 5 }, 400, "bad_message"],
      [{ to: [], body: "x" }, 400, "bad_message"],
      [{ to: "bob", body: "%", encoding: "base64" }, 400, "bad_message"],
      [{ to: "bob", body: "x", ttl: 0 }, 400, "bad_message"],
      [{ to: "bob", body: "x", clientId: "a" }, 400, "bad_message", { "idempotency-key": "b" }],
      [{ to: "bob", body: "x" }, 400, "bad_message", { "idempotency-key": "a b" }],
      [{ to: "bob", body: "x" }, 400, "bad_message", { "idempotency-key": "x".repeat(65) }],
      ['{"to":"bob","body":"\\ud800"}', 400, "bad_message"],
      [`{"to":"bob","body":"x","y":${"[".repeat(9)}${"]".repeat(9)}}`, 400, "bad_message"],
      ["", 400, "bad_json"],
      ["null", 400, "bad_json"],
      [{ to: "b b", body: "x" }, 400, "bad_name"],
      [{ to: "nobody", body: "x" }, 404, "unknown_user"],
      [{ to: "#nowhere", body: "x" }, 404, "unknown_room"],
      [{ to: "#hers", body: "x" }, 403, "not_member"],
      [{ to: "bob", body: "x".repeat(1001) }, 413, "too_large"],
    ];
    for (const [body, status, code, headers] of refused) {
      const answer = await post(server, body, headers);
      assert.deepEqual(codeOf(answer), [status, code], JSON.stringify(body));
      const { type, title, detail } = answer.json as Record<string, string>;
      assert.equal(type, `/v1/problems/${code}`);
      assert.ok(title && detail);
      assert.equal(answer.headers.get("content-type"), "application/problem+json");
    }
    const bytes = await fetch(`${server.url}/v1/messages`, {
      method: "POST",
      headers: { authorization: "Basic YWxpY2U6", "content-type": "application/json" },
      body: Buffer.from('{"to":"bob","body":"\xff"}', "latin1"),
    });
    assert.equal(((await bytes.json()) as { code: string }).code, "bad_utf8");
    const { json } = await server.ask("/logs/bob", { as: "bob" });
    assert.equal((json as { tail: number }).tail, 0, "something that was refused was stored");
  });

  it("with fields that nobody knows is sent without them", async (t) => {
    const server = await startApiServer(t);
    await server.ask("/me", { as: "bob" });
    const body = '{"to":"bob","body":"x","later":1,"__proto__":{"from":"eve"},"constructor":{"prototype":{}}}';
    assert.equal((await post(server, body)).status, 201);
    const { json } = await server.ask("/logs/bob/messages", { as: "bob" });
    const [message] = (json as { messages: Record<string, unknown>[] }).messages;
    assert.deepEqual(Object.keys(message ?? {}).sort(), ["body", "from", "id", "log", "seq", "to", "ts"]);
    assert.equal(message?.from, "alice");
  });
});

describe("a store that cannot write", () => {
  it("is said to the sender, with when to come again", async (t) => {
    const server = await startApiServer(
      t,
      {},
      {
        wrapEngine: (engine) => {
          engine.append = (append) =>
            append.settled({ ok: false, fault: { code: "storage_unavailable", message: "full", retryAfterMs: 1500 } });
          return engine;
        },
      },
    );
    const answer = await post(server, { to: "*", body: "x" });
    assert.deepEqual(codeOf(answer), [503, "storage_unavailable"]);
    assert.equal(answer.headers.get("retry-after"), "2");
    assert.equal((answer.json as { retryAfter: number }).retryAfter, 1500);
  });
});
