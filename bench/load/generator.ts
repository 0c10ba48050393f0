/**
 * The load generator: a process of its own, so that it can have a core of its own. Does the workload that is its argument
 * and prints one line of JSON, the figures.
 */
import type { Figures } from "../figures.ts";
import { replayChat } from "./chat.ts";
import { drain } from "./drain.ts";
import { flow } from "./flow.ts";
import { idle } from "./idle.ts";
import type { Workload } from "./workload.ts";

function generate(workload: Workload): Promise<Figures> {
  switch (workload.kind) {
    case "flow":
      return flow(workload);
    case "drain":
      return drain(workload);
    case "idle":
      return idle(workload);
    case "chat":
      return replayChat(workload);
  }
}

console.log(JSON.stringify(await generate(JSON.parse(process.argv[2] ?? "{}") as Workload)));
// Connections stay open to the end, and nobody is told goodbye.
process.exit(0);
