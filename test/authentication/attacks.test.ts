/** Each vector against a real server: over both carriers of the native protocol, and over HTTP. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { overEachCarrier } from "../native/carriers.ts";
import { Peer } from "../native/peer.ts";
import { startAuthServer, tokenSettings } from "./token-server.ts";
import { vectors } from "./vectors.ts";

/** More than `hello` may have is refused before anybody looks at it. */
const isTooLong = (token: string) => token.length > 8192;

overEachCarrier("a hello with a token", (carrier) => {
  it("lets in who has a right one, and nobody else, and the connection ends", async (t) => {
    const server = await startAuthServer(t, tokenSettings(t));
    for (const { what, token, refusedAs } of vectors) {
      const text = token();
      const peer = await Peer.connect(carrier, server);
      if (refusedAs === undefined) {
        const { user, expiresIn } = await peer.hello({ token: text, device: "d" });
        assert.equal(user.toLowerCase(), "alice", what);
        assert.ok(expiresIn && expiresIn > 500_000 && expiresIn <= 601_000, what);
        await peer.cut();
      } else if (isTooLong(text)) {
        await peer.ask({ op: "hello", token: text }, "error", { code: "bad_message" });
      } else {
        peer.send({ op: "hello", token: text });
        const answer = await peer.next();
        assert.equal(answer.op === "error" && answer.code, refusedAs, what);
        assert.ok(!JSON.stringify(answer).includes(text.split(".")[2] || "\n"), "the token is repeated");
        await peer.endsBy(refusedAs);
      }
    }
  });

  it("is needed: a name alone, another's name or the server's own is not enough", async (t) => {
    const server = await startAuthServer(t, tokenSettings(t));
    const refusal = async (hello: object) => {
      const peer = await Peer.connect(carrier, server);
      peer.send({ op: "hello", ...hello });
      const answer = await peer.next();
      return answer.op === "error" ? answer.code : answer.op;
    };
    const token = vectors[0]?.token() ?? "";
    assert.equal(await refusal({ user: "alice" }), "unauthorized");
    assert.equal(await refusal({}), "unauthorized");
    assert.equal(await refusal({ user: "alice", token: "" }), "unauthorized");
    assert.equal(await refusal({ user: "bob", token }), "unauthorized");
    assert.equal(await refusal({ user: "ALICE", token }), "welcome");
  });
});

it("HTTP takes and refuses the same tokens", async (t) => {
  const server = await startAuthServer(t, tokenSettings(t));
  for (const { what, token, refusedAs } of vectors) {
    const text = token();
    // Not every text can stand in a header.
    if (/[^ -~]/.test(text)) continue;
    const { status, json } = await server.askWith(`Bearer ${text}`, "/me");
    const { user, code, administers } = json as { user?: string; code?: string; administers?: boolean };
    assert.equal(status, refusedAs === undefined ? 200 : 401, what);
    assert.equal(code, refusedAs, what);
    if (refusedAs === undefined) assert.deepEqual([user?.toLowerCase(), administers], ["alice", false], what);
  }
});
