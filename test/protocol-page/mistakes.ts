/**
 * Mistakes to plant in PROTOCOL.md's text, in memory, each with what the comparison must report: the proof that
 * `comparison.ts` can fail, kind by kind. Used by `protocol-page.test.ts` only.
 */

/** `find` is replaced in the page's text (its first occurrence, or all where it is a global expression). */
export interface Mistake {
  readonly what: string;
  readonly find: string | RegExp;
  readonly replace: string;
  /** How one of the reports begins. */
  readonly reports: string;
}

const section = (op: string) => new RegExp(`\n### ${op}\n[^]*?(?=\n##)`);

/** Each kind of disagreement between page and code, once. */
export const mistakes: readonly Mistake[] = [
  {
    what: "a field dropped",
    find: /\| `clientId` \| `clientId`.*\n/,
    replace: "",
    reports: "client send.clientId: missing",
  },
  {
    what: "a field added",
    find: "| `copy` |",
    replace: "| `extra` | `string` | no | New. |\n| `copy` |",
    reports: "client send.extra: not in the code",
  },
  { what: "a field twice", find: /(\| `copy` .*\n)/, replace: "$1$1", reports: "client send.copy: twice" },
  { what: "a field renamed", find: "| `ttl` |", replace: "| `timeToLive` |", reports: "client send.ttl: missing" },
  {
    what: "a type changed",
    find: "| `copy` | `boolean`",
    replace: "| `copy` | `integer`",
    reports: "client send.copy: the page says",
  },
  {
    what: "an unknown type",
    find: "| `copy` | `boolean`",
    replace: "| `copy` | `bool`",
    reports: "client send.copy: the type bool is not defined",
  },
  {
    what: "required turned round",
    find: "| `body` | `string` | yes",
    replace: "| `body` | `string` | no",
    reports: 'client send.body: required is "no"',
  },
  {
    what: "a meaning left out",
    find: /(\| `user` \| `user` \| yes \|) Who has it\. /,
    replace: "$1 ",
    reports: "server receipt.user: no meaning",
  },
  {
    what: "a minimum",
    find: "`integer 1..65536`",
    replace: "`integer 0..65536`",
    reports: "client hello.window: the page says",
  },
  {
    what: "a maximum",
    find: "`integer 1..31536000000`",
    replace: "`integer 1..86400000`",
    reports: "client send.ttl: the page says",
  },
  {
    what: "a maximum left out",
    find: "`string ..8192`",
    replace: "`string`",
    reports: "client hello.token: the page says",
  },
  {
    what: "a longest length",
    find: "`string 1..128`",
    replace: "`string 1..127`",
    reports: "client send.contentType: the page says",
  },
  {
    what: "most recipients",
    find: "address or address[1..100]",
    replace: "address or address[1..99]",
    reports: "client send.to: the page says",
  },
  { what: "a pattern", find: "{1,64}$/`", replace: "{1,65}$/`", reports: "client send.clientId: the page says" },
  {
    what: "a literal",
    find: '`"fsync" or "memory"`',
    replace: '`"fsync" or "none"`',
    reports: "client send.durability: the page says",
  },
  {
    what: "an alias",
    find: "| `epoch` | `string 1..64`",
    replace: "| `epoch` | `string 1..32`",
    reports: "client hello.positions: the page says",
  },
  {
    what: "a nested field",
    find: /\| `joined` \| `boolean`.*\n/,
    replace: "",
    reports: "server rooms.rooms: the page says",
  },
  { what: "a message dropped", find: section("leave"), replace: "", reports: "client leave: 0 sections" },
  { what: "a message invented", find: "\n### leave\n", replace: "\n### kick\n", reports: "client leave: 0 sections" },
  {
    what: "a message twice",
    find: "\n### pong\n",
    replace: "\n### pong\n\n### pong\n",
    reports: "server pong: 2 sections",
  },
  {
    what: "an example left out",
    find: '```json\n{ "op": "live" }\n```\n',
    replace: "",
    reports: "server live: no example",
  },
  {
    what: "an example of another message",
    find: '{ "op": "live" }',
    replace: '{ "op": "pong", "ts": 1 }',
    reports: "server live: example: its op is pong",
  },
  {
    what: "an example in the wrong direction",
    find: '{ "op": "live" }',
    replace: '{ "op": "ack", "log": "a", "seq": 1 }',
    reports: "server live: example: unknown op",
  },
  {
    what: "an example with a wrong field",
    find: '"before": 18,',
    replace: '"before": "18",',
    reports: 'client history: example: history: field "before" must be',
  },
  {
    what: "an example with a misspelt field",
    find: '"before": 18,',
    replace: '"bevor": 18,',
    reports: "client history: example: unknown field history.bevor",
  },
  {
    what: "an example with a misspelt nested field",
    find: '"members": 12',
    replace: '"members": 12, "size": 1',
    reports: "server rooms: example: unknown field rooms.rooms[0].size",
  },
  {
    what: "an example that is not JSON",
    find: '{ "op": "live" }',
    replace: '{ "op": "live", }',
    reports: "server live: example: the frame is not JSON",
  },
  {
    what: "an example with an unknown code",
    find: '"code": "idle"',
    replace: '"code": "bored"',
    reports: "server error: example: unknown code bored",
  },
  {
    what: "a session line in the wrong direction",
    find: 'S: {"op":"live"}',
    replace: 'C: {"op":"live"}',
    reports: "session: unknown op",
  },
  {
    what: "a session line of nobody",
    find: 'S: {"op":"live"}',
    replace: '{"op":"live"}',
    reports: "session: neither C nor S",
  },
  {
    what: "a reply that does not exist",
    find: "Reply: `page`",
    replace: "Reply: `book`",
    reports: "client history: replies book?",
  },
  { what: "a reply line left out", find: /Reply: `pong`.*\n/, replace: "", reports: "client ping: no line" },
  {
    what: "an error that does not exist",
    find: "`not_member`, `forbidden`, `too_large`",
    replace: "`not_a_member`, `forbidden`",
    reports: "client send: error not_a_member?",
  },
  { what: "an error row dropped", find: /\| `not_member` .*\n/, replace: "", reports: "error not_member: 0 rows" },
  {
    what: "an error row added",
    find: "| `internal` |",
    replace: "| `teapot` | Short and stout. | 418 | 1008 | no | no |\n| `internal` |",
    reports: "error teapot: not in the code",
  },
  {
    what: "an error's meaning",
    find: "No room of that name exists.",
    replace: "The room is full.",
    reports: "error unknown_room: the page says",
  },
  {
    what: "an error's HTTP status",
    find: "| 413 | 1009 | no |",
    replace: "| 400 | 1009 | no |",
    reports: "error too_large: the page says",
  },
  {
    what: "an error's close code",
    find: "| 408 | 4004 |",
    replace: "| 408 | 4000 |",
    reports: "error idle: the page says",
  },
  {
    what: "an error that closes",
    find: "| 4002 | yes |",
    replace: "| 4002 | no |",
    reports: "error unauthorized: the page says",
  },
  {
    what: "an error's retry",
    find: "| 1012 | yes | reconnect |",
    replace: "| 1012 | yes | no |",
    reports: "error shutting_down: the page says",
  },
  {
    what: "an error that nothing explains",
    find: /`client_id_reused`(?! \|)/g,
    replace: "refused",
    reports: "error client_id_reused: nothing on the page",
  },
  {
    what: "a number in the text",
    find: "deeper than 8 levels",
    replace: "deeper than 9 levels",
    reports: '"nested deeper than',
  },
  { what: "a frame in bytes", find: "00 00 00 0d", replace: "00 00 00 0c", reports: "hex: " },
];
