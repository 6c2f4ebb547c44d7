// Addresses as people write them: where a bind listens, and where a server is. Text in, parts out; no name is resolved.
import { isIP } from 'node:net'

export interface BindAddress {
  /** Literal address ('::' for all, both families), or null for a unix socket. */
  readonly host: string | null
  /** 0 for a unix socket, and where the system is to choose. */
  readonly port: number
  /** Path of a unix socket as written, or null. */
  readonly path: string | null
}

export interface ServerAddress {
  /** Address or name, or null for a unix socket. */
  readonly host: string | null
  readonly port: number
  readonly path: string | null
  /** From https:// or http://; null when neither is said. */
  readonly tls: boolean | null
}

/** Completes the message: 'expected ...', without the text that was found. */
export interface Expected {
  readonly expected: string
}

/** Bytes; sun_path of Linux holds one more, the closing zero. */
export const maxUnixPath = 107

/** ':8080', '*:8080', '8080', 8080, '127.0.0.1:80', '[::1]:80', 'unix:/path' or '/path'. */
export function parseBindAddress(written: string | number): BindAddress | Expected {
  const address = String(written)
  const unix = unixPath(address)
  if (unix) return 'expected' in unix ? unix : { host: null, port: 0, path: unix.path }
  if (/^\d+$/.test(address)) return withPort(address, 0, (port) => ({ host: '::', port, path: null }))
  const parts = hostAndPort(address)
  if ('expected' in parts) return parts
  const { host } = parts
  if (parts.port === null) return { expected: 'expected an address with a port, such as "127.0.0.1:8080" or ":8080"' }
  const literal = host === '' || host === '*' ? '::' : canonicalHost(host)
  if (!isIP(literal)) {
    return { expected: 'expected a literal address to listen on, such as "127.0.0.1:8080", or "*" for all' }
  }
  return withPort(parts.port, 0, (port) => ({ host: literal, port, path: null }))
}

/** 'host:port', '[v6]:port', 'http://host', 'https://host:8443', 'unix:/path' or '/path'. */
export function parseServerAddress(written: string): ServerAddress | Expected {
  const unix = unixPath(written)
  if (unix) return 'expected' in unix ? unix : { host: null, port: 0, path: unix.path, tls: null }
  const scheme = /^(https?):\/\//.exec(written)?.[1] ?? null
  if (scheme === null && written.includes('://'))
    return { expected: 'expected "http://" or "https://" before the address' }
  const rest = scheme === null ? written : written.slice(scheme.length + 3).replace(/\/$/, '')
  if (/[/?#@]/.test(rest)) return { expected: 'expected a host and a port alone, without path, query or user' }
  const parts = hostAndPort(rest)
  if ('expected' in parts) return parts
  const host = canonicalHost(parts.host)
  if (!isIP(host) && !isHostName(host)) {
    return { expected: 'expected the address or the name of a server, such as "10.0.0.1:8080" or "app.internal:8080"' }
  }
  const standard = scheme === 'https' ? '443' : scheme === 'http' ? '80' : null
  const port = parts.port ?? standard
  if (port === null) return { expected: 'expected a port too, such as "10.0.0.1:8080"' }
  return withPort(port, 1, (number) => ({
    host,
    port: number,
    path: null,
    tls: scheme === null ? null : scheme === 'https',
  }))
}

/** 'example.com' as in DNS, underscores allowed, at most 253 characters; not an address. */
export function isHostName(host: string): boolean {
  if (host.length > 253 || /^[\d.]+$/.test(host)) return false
  return host.split('.').every((label) => /^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/.test(label))
}

/** The address as one text, with brackets around IPv6: what names and messages use. */
export function formatAddress({
  host,
  port,
  path,
}: {
  host: string | null
  port: number
  path: string | null
}): string {
  if (host === null) return `unix:${path}`
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`
}

export const isLoopback = (host: string): boolean => host.startsWith('127.') || host === '::1'

function unixPath(written: string): { path: string } | Expected | null {
  if (!written.startsWith('unix:') && !written.startsWith('/')) return null
  const path = written.replace(/^unix:/, '')
  if (path === '' || path.endsWith('/'))
    return { expected: 'expected the path of a unix socket, such as "unix:/run/app.sock"' }
  if (Buffer.byteLength(path) > maxUnixPath)
    return { expected: `expected a path of at most ${maxUnixPath} bytes, the limit for unix sockets` }
  return { path }
}

/** Splits at the last colon; what is in brackets belongs to the host. */
function hostAndPort(written: string): { host: string; port: string | null } | Expected {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(written)
  if (bracketed) {
    if (isIP(bracketed[1]!) !== 6) return { expected: 'expected an IPv6 address between the brackets' }
    return { host: bracketed[1]!, port: bracketed[2] ?? null }
  }
  const colon = written.lastIndexOf(':')
  if (colon < 0) return { host: written, port: null }
  const host = written.slice(0, colon)
  if (host.includes(':')) return { expected: 'expected an IPv6 address in brackets, such as "[2001:db8::1]:80"' }
  return { host, port: written.slice(colon + 1) }
}

function withPort<T>(written: string, least: number, make: (port: number) => T): T | Expected {
  const port = /^\d{1,5}$/.test(written) ? Number(written) : -1
  return port < least || port > 65_535 ? { expected: `expected a port from ${least} to 65535` } : make(port)
}

/** One spelling for each address, so that two of them can be compared; names in lower case. */
function canonicalHost(host: string): string {
  if (isIP(host) === 6 && !host.includes('%')) return new URL(`http://[${host}]`).hostname.slice(1, -1)
  return host.toLowerCase()
}
