import type { Examples } from "../example.ts";
import { aliceHasMail } from "./messages.ts";

export const examples: Examples = {
  getStatistics: async (server) => {
    await aliceHasMail(server);
    return { query: { by: "type", from: "2020-01-01", to: "2999-12-31", limit: "5" }, status: 200 };
  },
};
