/** A load generator as a process of its own on a core of its own. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Figures } from "./figures.ts";
import type { Workload } from "./load/workload.ts";
import { generatorCore, pinned } from "./targets/target.ts";

const script = fileURLToPath(new URL("load/generator.ts", import.meta.url));

/** Does the work; resolves with what it measured. Rejects with what the generator said when it failed, or when `signal` did. */
export async function generate(workload: Workload, signal: AbortSignal): Promise<Figures> {
  const [command, args] = pinned(generatorCore, process.execPath, [script, JSON.stringify(workload)]);
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], signal, killSignal: "SIGKILL" });
  let output = "";
  let complaints = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    complaints = (complaints + text).slice(-4096);
  });
  const killChild = () => child.kill("SIGKILL");
  process.once("exit", killChild);
  const code = await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve)).finally(() =>
    process.off("exit", killChild),
  );
  if (code !== 0) throw new Error(`the generator ended with ${code}: ${complaints.trim()}`);
  // What could not be had is null there: it is left out.
  const figures = Object.entries(JSON.parse(output) as Record<string, number | null>);
  return Object.fromEntries(figures.filter(([, value]) => value !== null)) as Figures;
}
