import type { Examples } from "../example.ts";

export const examples: Examples = {
  getMe: async () => ({ status: 200 }),
};
