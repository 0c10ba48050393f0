/** Opens the store whose directory is its argument and says why where that is refused: another process, for tests. */
import { openLevel } from "./store-files.ts";

const engine = await openLevel(process.argv[2] ?? "").catch((error: Error) =>
  console.error(`${error.name}: ${error.message}`),
);
await engine?.close();
