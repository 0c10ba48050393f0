/** What a process has used, as the kernel counts it (proc_pid_stat(5), proc_pid_status(5)). */
import { readFileSync } from "node:fs";

/** Processor time that a process has used, in ms; NaN where there is no /proc. Ticks are 10 ms on Linux. */
export function processorMs(pid: number | undefined): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return Number.NaN;
  }
}

/** Memory that a process holds (resident set), in bytes; NaN where there is no /proc. */
export function residentBytes(pid: number | undefined): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
  } catch {
    return Number.NaN;
  }
}
