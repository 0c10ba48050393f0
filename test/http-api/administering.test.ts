/** Who administers with open login: who is on this machine, and nobody whom a proxy on this machine lets through. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { startApiServer } from "./api-server.ts";

it("with open login who is on this machine administers, not who comes through a proxy on it", async (t) => {
  const server = await startApiServer(t);
  const administers = async (headers: Record<string, string>) => {
    const { json } = await server.ask("/me", { as: "alice", headers });
    const { status } = await server.ask("/backup", { as: "alice", headers });
    // In memory there is no backup; that is only told to who administers.
    assert.equal(status, (json as { administers: boolean }).administers ? 404 : 403);
    return (json as { administers: boolean }).administers;
  };
  assert.equal(await administers({}), true);
  for (const name of ["x-forwarded-for", "forwarded"]) {
    assert.equal(await administers({ [name]: "127.0.0.1" }), false);
    assert.equal(await administers({ [name]: "" }), false);
  }
});
