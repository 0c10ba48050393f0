/** `durability`: what protocols ask of the store that have no word for it, and that a word for it counts more. */
import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import type { Append, Engine } from "../../packages/server/src/engine/engine.ts";
import type { Settings } from "../native/native-server.ts";
import { RawSession } from "../support/raw-session.ts";
import { JsonPeer, startPeerJsonServer } from "./peer-json/json-peer.ts";

/** Sends a message by peer-json and one natively; resolves with what the store was asked for. */
async function asked(t: TestContext, settings: Settings): Promise<string[]> {
  const durabilities: string[] = [];
  const noting = (append: Append, engine: Engine) => {
    if (append.payload.includes('"body":"hello')) durabilities.push(append.durability);
    engine.append(append);
  };
  const wrapEngine = (engine: Engine): Engine =>
    new Proxy(engine, {
      get: (target, name) => {
        if (name === "append") return (append: Append) => noting(append, target);
        const value = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  const server = await startPeerJsonServer(t, { engine: "level", ...settings }, { wrapEngine });
  const bob = await JsonPeer.join(server, "bob");
  const alice = await JsonPeer.join(server, "alice");
  alice.say("bob", "hello by peer-json");
  await bob.expectFrom("alice", "hello by peer-json");
  const carol = await RawSession.login(server.tcpPort, "carol", { device: "d" });
  carol.send({ op: "send", to: "bob", body: "hello natively" });
  assert.equal((await carol.next("ok")).durability, "fsync");
  return durabilities;
}

it("is fsync unless it is set", async (t) => {
  assert.deepEqual(await asked(t, {}), ["fsync", "fsync"]);
});

it("is what is set where the protocol cannot ask", async (t) => {
  assert.deepEqual(await asked(t, { durability: "memory" }), ["memory", "fsync"]);
});
