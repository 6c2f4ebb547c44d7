// What one line of the access log tells. There is one such object per log, filled and written for every request or
// connection: a writer copies it into text at once. docs/access-log.md explains every field.
import type { Mode } from '../../model/states.ts'
import type { ReasonCode } from '../../model/reasons.ts'

/** Strings are as received, one character per byte (latin1); '' where there is none. Timers are milliseconds, -1: not reached. */
export interface LogRecord {
  /** 'tcp' leaves out what only a request has: method, host, target, protocol, status, request id, two of the timers. */
  mode: Mode
  /** When the request's head, or the connection, had arrived: milliseconds since the epoch, whole. */
  time: number
  clientAddress: string
  clientPort: number
  /** Address of the trusted proxy that told of the client; '' where the client is the other end of the connection. */
  peer: string
  /** What its PROXY header tells besides the client, as members of a JSON object, each with a comma before it. */
  proxied: string
  frontend: string
  /** The bind terminates TLS. */
  tls: boolean
  backend: string
  server: string
  method: string
  host: string
  /** The request target as received, with its query string. */
  target: string
  /** 'HTTP/1.1'. */
  protocol: string
  /** Of the answer that the client got; 0: none. */
  status: number
  bytesIn: number
  bytesOut: number
  /** First byte of the request to the end of its head. */
  requestTime: number
  queueTime: number
  connectTime: number
  /** End of the request to the head of the response. */
  responseTime: number
  /** From the same moment as the first timer to the end. */
  totalTime: number
  reason: ReasonCode | null
  requestId: string
  /** X-Amzn-Trace-Id as received. */
  traceId: string
  retries: number
  /** Connections and requests in flight when the line is written: process, frontend, backend, server. */
  processConnections: number
  frontendConnections: number
  backendInflight: number
  serverInflight: number
}

/** A record with every field set, so that its shape never changes. */
export const emptyRecord = (): LogRecord => ({
  mode: 'http',
  time: 0,
  clientAddress: '',
  clientPort: 0,
  peer: '',
  proxied: '',
  frontend: '',
  tls: false,
  backend: '',
  server: '',
  method: '',
  host: '',
  target: '',
  protocol: '',
  status: 0,
  bytesIn: 0,
  bytesOut: 0,
  requestTime: -1,
  queueTime: -1,
  connectTime: -1,
  responseTime: -1,
  totalTime: -1,
  reason: null,
  requestId: '',
  traceId: '',
  retries: 0,
  processConnections: 0,
  frontendConnections: 0,
  backendInflight: 0,
  serverInflight: 0,
})
