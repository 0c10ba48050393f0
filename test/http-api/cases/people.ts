import { RawSession } from "../../support/raw-session.ts";
import type { Examples } from "../example.ts";
import { aliceHasMail } from "./messages.ts";

export const examples: Examples = {
  getMe: async () => ({ status: 200 }),
  listUsers: async (server) => {
    await aliceHasMail(server);
    return { query: { after: "a", limit: "1", online: "false" }, status: 200 };
  },
  getUser: async (server) => {
    await aliceHasMail(server);
    return { path: { user: "bob" }, status: 200 };
  },
  listDevices: async (server) => {
    await aliceHasMail(server);
    const phone = await RawSession.login(server.tcpPort, "alice", { device: "phone" });
    await phone.next("message");
    phone.send({ op: "ack", log: "alice", seq: 1 });
    return { path: { user: "alice" }, status: 200 };
  },
};
