/**
 * Core events as the JSON of `parley.v1` (PROTOCOL.md, "Server → client"). A stored message is spliced, not built
 * again. Hot path for `message` and `ok`.
 */
import type { ServerMessages } from "@parley/protocol";
import type { CoreEvent, HistoryPage } from "../../core/connection.ts";
import type { Entry } from "../../engine/entry.ts";

/** A `message`: the entry's place in the log before its payload. */
export function encodeEntry({ log, seq, payload }: Entry): string {
  return `{"op":"message","log":"${log}","seq":${seq},${payload.slice(1)}`;
}

export function encodeEvent(event: CoreEvent): string {
  switch (event.op) {
    case "message":
      return encodeEntry(event);
    case "ok":
      return event.id === undefined ? JSON.stringify(event) : encodeSent(event);
    case "page":
      return encodePage(event);
    default:
      return JSON.stringify(event);
  }
}

/** The `ok` of a send. Names, ids and epochs have no character that JSON escapes; what the client chose may have. */
function encodeSent({
  ref,
  clientId,
  id,
  ts,
  durability,
  positions = [],
  recipients = [],
  duplicate,
}: ServerMessages["ok"]): string {
  let text = `{"op":"ok"`;
  if (ref !== undefined) text += `,"ref":${JSON.stringify(ref)}`;
  if (clientId !== undefined) text += `,"clientId":${JSON.stringify(clientId)}`;
  text += `,"id":"${id}","ts":${ts},"durability":"${durability}","positions":[`;
  for (let i = 0; i < positions.length; i++) {
    const { log, epoch, seq } = positions[i] as (typeof positions)[number];
    text += `${i === 0 ? "" : ","}{"log":"${log}","epoch":"${epoch}","seq":${seq}}`;
  }
  text += `],"recipients":[`;
  for (let i = 0; i < recipients.length; i++) {
    const { to, state, dead } = recipients[i] as (typeof recipients)[number];
    text += `${i === 0 ? "" : ","}{"to":"${to}","state":"${state}"${dead ? `,"dead":"${dead}"` : ""}}`;
  }
  return `${text}]${duplicate ? `,"duplicate":true` : ""}}`;
}

function encodePage({ ref, log, epoch, entries, next }: HistoryPage): string {
  const head = JSON.stringify({ op: "page", ref, log, epoch }).slice(0, -1);
  const tail = next === undefined ? "}" : `,"next":${next}}`;
  return `${head},"messages":[${entries.map(encodeEntry).join(",")}]${tail}`;
}
