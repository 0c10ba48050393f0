/** Peers' addresses, as gateways tell them: `ADDRESS:PORT`, also for IPv6 (`::1:5790`), where no brackets are used. */

/** Without the port. */
export function hostOf(address: string): string {
  const end = address.lastIndexOf(":");
  const host = end === -1 ? address : address.slice(0, end);
  return host.replace(/^\[|\]$/g, "").replace(/^::ffff:(?=\d+\.)/i, "");
}

/** Whether an address is on this machine: 127.0.0.0/8, ::1, or the name for them. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|::1)$/.test(host);
}
