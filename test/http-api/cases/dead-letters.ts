import { RawSession } from "../../support/raw-session.ts";
import type { ApiServer } from "../api-server.ts";
import type { Examples } from "../example.ts";

/** Makes a dead letter: bob sends what alice rejects. Resolves with the message's id. */
export async function rejectedMessage(server: ApiServer): Promise<string> {
  const alice = await RawSession.login(server.tcpPort, "alice", { device: "phone" });
  const bob = await RawSession.login(server.tcpPort, "bob", { device: "phone" });
  bob.send({ op: "send", to: "alice", body: "hello", type: "t", copy: false, receipt: true });
  const stored = await bob.next("ok");
  const message = await alice.next("message");
  alice.send({ op: "reject", log: "alice", seq: message.seq, reason: "not today" });
  await alice.next("ok");
  for (const session of [alice, bob]) session.close();
  return stored.id as string;
}

export const examples: Examples = {
  listDeadLetters: async (server) => {
    await rejectedMessage(server);
    return { query: { reason: "rejected", address: "alice", from: "bob", since: "1", limit: "10" }, status: 200 };
  },
  getDeadLetter: async (server) => {
    await rejectedMessage(server);
    return { path: { letter: "1" }, status: 200 };
  },
  replayDeadLetter: async (server) => {
    await rejectedMessage(server);
    return { path: { letter: "1" }, body: { to: "bob" }, status: 200 };
  },
  purgeDeadLetter: async (server) => {
    await rejectedMessage(server);
    return { path: { letter: "1" }, status: 200 };
  },
  purgeDeadLetters: async (server) => {
    await rejectedMessage(server);
    return { query: { until: "9999999999999" }, status: 200 };
  },
  traceMessage: async (server) => ({ path: { id: await rejectedMessage(server) }, status: 200 }),
  listMessageAccounts: async (server) => {
    await rejectedMessage(server);
    return { query: { limit: "10" }, status: 200 };
  },
  getMessageTotals: async (server) => {
    await rejectedMessage(server);
    return { status: 200 };
  },
};
