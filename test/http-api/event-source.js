/** Run by `event-source.test.ts` with an `EventSource` like a browser's: prints what it is told, a line of JSON each. */
const source = new EventSource(process.argv[2]);
for (const name of ["live", "message"])
  source.addEventListener(name, ({ type, data }) => console.log(JSON.stringify({ type, data: JSON.parse(data) })));
// Its timer for coming back does not keep Node alive.
setInterval(() => {}, 60_000);
