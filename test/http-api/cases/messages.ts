import type { ApiServer } from "../api-server.ts";
import type { Examples } from "../example.ts";

/** Makes alice and bob known, and gives alice a message from bob, of a type. */
export async function aliceHasMail(server: ApiServer): Promise<void> {
  await server.ask("/me", { as: "alice" });
  await server.ask("/messages", { as: "bob", method: "POST", body: { to: "alice", body: "hello", type: "greeting" } });
}

export const examples: Examples = {
  sendMessage: async (server) => {
    await server.ask("/me", { as: "bob" });
    return {
      headers: { "idempotency-key": "order-17" },
      body: { to: ["bob", "alice"], body: "aGk=", encoding: "base64", contentType: "text/plain", ttl: 60_000 },
      status: 201,
    };
  },
  getLog: async (server) => {
    await aliceHasMail(server);
    return { path: { address: "alice" }, status: 200 };
  },
  listMessages: async (server) => {
    await aliceHasMail(server);
    return {
      path: { address: "ALICE" },
      query: { limit: "5", before: "7", from: "Bob", type: "greeting", since: "0", until: "99999999999999" },
      status: 200,
    };
  },
};
