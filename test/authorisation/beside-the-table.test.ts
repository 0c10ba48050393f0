/** The rest of who may do what: the HTTP API, which has other actions, and guests, who are where login is open. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ChatPeer, command, said, system } from "../gateways/framed-tcp/chat-peer.ts";
import { RawSession } from "../support/raw-session.ts";
import { type Claims, startTokenServer, tokenOf } from "./token-server.ts";

/** Status by role: everyday, restricted, administrator, nobody. */
type Line = readonly [action: string, path: string, body: object, statuses: readonly [number, number, number, number]];

const roles: readonly (Claims | undefined)[] = [
  {},
  { parley: { send: ["bob"] } },
  { parley: { admin: true, read: [] } },
  undefined,
];

const lines: readonly Line[] = [
  ["revoke what is one's own", "/v1/revocations", { user: "ann", device: "lost" }, [200, 403, 200, 401]],
  ["revoke what is somebody else's", "/v1/revocations", { user: "bob" }, [403, 403, 200, 401]],
  ["revoke a token", "/v1/revocations", { tokenId: "some" }, [403, 403, 200, 401]],
  ["issue a token", "/v1/tokens", { user: "bob", expiresIn: 60 }, [403, 403, 201, 401]],
];

describe("over HTTP", () => {
  for (const [action, path, body, statuses] of lines) {
    it(action, async (t) => {
      const { http } = await startTokenServer(t);
      const got: number[] = [];
      for (const claims of roles) {
        const headers = { "content-type": "application/json" };
        const proof: Record<string, string> = claims ? { authorization: `Bearer ${tokenOf("ann", claims)}` } : {};
        const answer = await fetch(`http://127.0.0.1:${http}${path}`, {
          method: "POST",
          headers: { ...headers, ...proof },
          body: JSON.stringify(body),
        });
        await answer.text();
        got.push(answer.status);
      }
      assert.deepEqual(got, statuses);
    });
  }
});

describe("a guest, where login is open", () => {
  it("may do what everybody may, and nothing with rooms that it is not in", async (t) => {
    const { framedTcp, tcp } = await startTokenServer(t, {
      "auth.mode": "open",
      "auth.secret": "",
      "auth.audience": "",
    });
    const bob = await RawSession.login(tcp, "bob");
    t.after(() => bob.close());
    for (const room of ["#lobby", "#team"]) {
      bob.send({ op: "join", room });
      await bob.next("ok");
    }
    const guest = await ChatPeer.guest(framedTcp);
    t.after(() => guest.socket.destroy());
    guest.send("/msg bob direct", "lobby", "/msg * all", "/msg #team team", "/msg nobody x", "/token x");
    const heard = [await bob.next("message"), await bob.next("message"), await bob.next("message")];
    assert.deepEqual(heard.map(({ from, body }) => `${from} ${body}`).sort(), [
      "guest-1 all",
      "guest-1 direct",
      "guest-1 lobby",
    ]);
    const answers = [await guest.next(), await guest.next(), await guest.next()].sort();
    assert.deepEqual(answers, [
      system("no user nobody has ever connected"),
      system("unknown command: there are /rename NAME, /list and /msg NAME text"),
      system("you are not a member of #team"),
    ]);
    bob.send({ op: "send", to: "#team", body: "secret" });
    bob.send({ op: "send", to: "guest-1", body: "for you" });
    await guest.expect(said("bob", "for you", { private: true }));
    await guest.hasNothing();
    guest.send(command("/rename", "server"));
    await guest.expect(system("the name server is the server's own"));
  });
});
