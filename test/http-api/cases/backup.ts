import type { Examples } from "../example.ts";

export const examples: Examples = {
  // In memory there is nothing to back up; `test/cli/backup.test.ts` is with a store.
  getBackup: async () => ({ status: 404 }),
};
