/** The command line: runs what it says. Started by `bin/parley.js`. */
import { runCommandLine } from "./cli/program.ts";

await runCommandLine(process.argv.slice(2));
