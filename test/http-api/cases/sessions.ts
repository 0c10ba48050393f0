import { RawSession } from "../../support/raw-session.ts";
import type { Examples } from "../example.ts";

export const examples: Examples = {
  listSessions: async ({ tcpPort }) => {
    await RawSession.login(tcpPort, "alice", { device: "phone" });
    return { query: { user: "alice" }, status: 200 };
  },
  closeSession: async ({ tcpPort }) => {
    const session = await RawSession.connect(tcpPort);
    session.send({ op: "hello", user: "alice" });
    return { path: { session: (await session.next("welcome")).session }, status: 204 };
  },
};
