/** A host and a port as they stand in a URL (RFC 3986, section 3.2.2). Used wherever a listener says where it is. */
export function authority(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
