/**
 * The door of every listener on a stream: counts a peer's address in and out, and gives its connection an allowance. Peers
 * of one IPv6 network count as one, because a network is what one customer is given (RFC 6177, section 2: at least a /64).
 */
import { BlockList, isIPv6, type Socket } from "node:net";
import type { Result } from "@parley/protocol";
import type { Allowance } from "../core/limits/allowance.ts";
import type { Limiter } from "../core/limits/limiter.ts";
import { tcpSocketOf } from "../http/refusals.ts";

const allowanceKey = Symbol("allowance");
type Admitted = Socket & { [allowanceKey]?: Allowance };

/** What the connection of a socket, of TCP or TLS, that was let in may send; undefined: there is no limit. */
export function allowanceOf(socket: Socket): Allowance | undefined {
  return (tcpSocketOf(socket) as Admitted)[allowanceKey];
}

function endAllowance(this: Admitted): void {
  this[allowanceKey]?.end();
}

export class Doors {
  readonly #limiter: Limiter;
  readonly #exempt = new BlockList();

  /** `exempt`: addresses and networks (`10.0.0.0/8`) whose number of connections and rates do not count. Throws where one is neither. */
  constructor(limiter: Limiter, exempt: readonly string[]) {
    this.#limiter = limiter;
    for (const text of exempt) {
      const [address = "", bits] = text.split("/");
      const family = isIPv6(address) ? "ipv6" : "ipv4";
      if (bits === undefined) this.#exempt.addAddress(address, family);
      else this.#exempt.addSubnet(address, Number(bits), family);
    }
  }

  /** Lets a connection of TCP in, and out when it closes. Faults: `too_many`, `rate_limited`. */
  admit(socket: Socket): Result<Allowance> {
    const admitted = this.#limiter.admit(this.keyOf(socket.remoteAddress ?? ""));
    if (!admitted.ok) return admitted;
    const allowance = admitted.value;
    (socket as Admitted)[allowanceKey] = allowance;
    // One listener for all, and not by `once`, which keeps more beside it: it is memory of every connection.
    socket.on("close", endAllowance);
    return admitted;
  }

  /** By what an address is counted; undefined: it is not. A socket that was closed meanwhile has no address. */
  keyOf(address: string | undefined): string | undefined {
    if (!address) return undefined;
    const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1];
    const [plain = ""] = mapped === undefined ? address.split("%", 1) : [mapped];
    const isV6 = isIPv6(plain);
    if (this.#exempt.check(plain, isV6 ? "ipv6" : "ipv4")) return undefined;
    return isV6 ? networkOf(plain) : plain;
  }
}

/** The /64 of an IPv6 address, as four groups. */
function networkOf(address: string): string {
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : 8 - groups.length - after.length;
  return [...groups, ...Array<string>(Math.max(0, zeros)).fill("0"), ...after].slice(0, 4).join(":");
}
