/** `parley trace`: what happened to one message, for people or as JSON. */
import type { Trace, TracedPlace } from "@parley/protocol";
import { askApi, type OperatorFlags, operatorAccess } from "./api-request.ts";
import { dateAndTime } from "./clock-text.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { jsonLine } from "./json-line.ts";
import { printable } from "./printable.ts";

export interface TraceFlags extends OperatorFlags {
  readonly address?: string;
  readonly json?: boolean;
}

/** Prints what is known. Resolves with the exit code. */
export async function traceMessage(id: string, flags: TraceFlags): Promise<ExitCode> {
  const access = operatorAccess(flags);
  if (typeof access === "number") return access;
  const query = flags.address === undefined ? "" : `?${new URLSearchParams({ address: flags.address })}`;
  const answer = await askApi(access, "GET", `/trace/${encodeURIComponent(id)}${query}`);
  if (!answer.ok) return answer.exit;
  console.log(flags.json ? jsonLine(answer.value) : inWords(answer.value as Trace));
  return exitCodes.ok;
}

function inWords({ id, ts, message, places, deadLetters, deliveriesSince, searched }: Trace): string {
  const lines = [`${printable(id)}, taken ${dateAndTime(ts)}`];
  if (message)
    lines.push(
      `from ${printable(message.from)} to ${printable([message.to].flat().join(", "))}, ${message.bytes} bytes of ${printable(message.contentType ?? "text/plain")}`,
    );
  for (const place of places) lines.push(...placeLines(place));
  for (const { letter, reason, ts: at, log, note } of deadLetters)
    lines.push(
      `dead letter ${letter} of ${printable(log)}: ${reason}, ${dateAndTime(at)}${note === undefined ? "" : `: ${printable(note)}`}`,
    );
  lines.push(
    deliveriesSince === undefined
      ? "times of deliveries are not remembered (trace.deliveries is 0)"
      : `times of deliveries are remembered since ${dateAndTime(deliveriesSince)}`,
  );
  if (!searched.complete)
    lines.push(`the search was given up after ${searched.logs} logs: there may be more; try --address`);
  return lines.join("\n");
}

function placeLines({ log, seq, state, readers, moreReaders, deliveries }: TracedPlace): string[] {
  const lines = [`stored in ${printable(log)} as ${seq}: ${state}`];
  for (const { user, acknowledged } of readers)
    lines.push(`  ${printable(user)}: ${acknowledged ? "acknowledged" : "not acknowledged"}`);
  if (moreReaders > 0) lines.push(`  and ${moreReaders} more readers`);
  for (const { user, device, gateway, deliveredAt, acknowledgedAt } of deliveries) {
    const answered = acknowledgedAt === undefined ? "" : `, acknowledged after ${acknowledgedAt - deliveredAt} ms`;
    lines.push(
      `  given to ${printable(user)}/${printable(device)} (${printable(gateway)}) ${dateAndTime(deliveredAt)}${answered}`,
    );
  }
  return lines;
}
