import type { Examples } from "../example.ts";
import { aliceHasMail } from "./messages.ts";

export const examples: Examples = {
  streamEvents: async (server) => {
    await aliceHasMail(server);
    return { query: { device: "browser", watch: "bob", lastEventId: "alice:unknown:0" }, status: 200 };
  },
};
