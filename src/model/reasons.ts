// Why a request or a connection failed: one code each, the same in the answer, the access log, the metrics and the manual.
// docs/reasons.md is generated from this table. The order is the index of the counters on the scoreboard: append only.

/** Who is at fault: the client, the server behind, or Weir itself (its limits and its operator). */
export type Side = 'client' | 'server' | 'self'

export interface Reason {
  /** Status of the answer that Weir gives when no answer has begun; 0 where the connection is just closed. */
  readonly status: number
  readonly side: Side
  /** Words for the person who reads the answer or the log. */
  readonly text: string
}

export const reasons = {
  bad_request_line: {
    status: 400,
    side: 'client',
    text: 'The request line is not "method SP target SP HTTP-version CRLF".',
  },
  bad_target: {
    status: 400,
    side: 'client',
    text: 'The request target has a form or a character that HTTP does not allow.',
  },
  bad_version: { status: 505, side: 'client', text: 'Only HTTP/1.0 and HTTP/1.1 are spoken here.' },
  bad_field: {
    status: 400,
    side: 'client',
    text: 'A header field line is malformed: its name, its value, its line end, or it is folded.',
  },
  bad_host: { status: 400, side: 'client', text: 'The Host field is missing, repeated or not a host.' },
  bad_framing: {
    status: 400,
    side: 'client',
    text: 'Content-Length and Transfer-Encoding do not give one clear length of the body.',
  },
  bad_chunk: { status: 400, side: 'client', text: 'The chunked body is malformed.' },
  incomplete_request: { status: 400, side: 'client', text: 'The client closed its side in the middle of a request.' },
  uri_too_long: { status: 414, side: 'client', text: 'The request target is longer than the limit.' },
  head_too_large: { status: 431, side: 'client', text: 'The header section is larger than the limit.' },
  too_many_fields: { status: 431, side: 'client', text: 'The header section has more fields than the limit.' },
  bad_expectation: { status: 417, side: 'client', text: 'The only expectation that can be met is 100-continue.' },
  connect_method: { status: 405, side: 'client', text: 'CONNECT is refused: this is not a forward proxy.' },
  request_timeout: { status: 408, side: 'client', text: 'The request did not arrive in time.' },
  client_gone: { status: 0, side: 'client', text: 'The client went away before the answer was complete.' },
  client_stalled: {
    status: 0,
    side: 'client',
    text: 'The client stopped reading or sending for longer than the idle limit.',
  },
  tls_handshake: { status: 0, side: 'client', text: 'The TLS handshake with the client failed or took too long.' },
  no_route: {
    status: 404,
    side: 'self',
    text: 'No route of this frontend matches the request, and it has no default backend.',
  },
  frontend_full: { status: 503, side: 'self', text: 'The frontend has reached its limit of connections.' },
  process_full: { status: 503, side: 'self', text: 'The process has reached its limit of connections.' },
  shutting_down: { status: 503, side: 'self', text: 'Weir is stopping.' },
  no_server: { status: 503, side: 'server', text: 'No server of the backend is available.' },
  connect_refused: { status: 503, side: 'server', text: 'The server refused the connection, or could not be reached.' },
  connect_timeout: { status: 504, side: 'server', text: 'The connection to the server was not established in time.' },
  server_tls: {
    status: 502,
    side: 'server',
    text: 'The TLS handshake with the server failed, or its certificate is not trusted.',
  },
  server_closed: { status: 502, side: 'server', text: 'The server closed the connection before it answered.' },
  server_aborted: { status: 0, side: 'server', text: 'The server broke off in the middle of its answer.' },
  bad_response: { status: 502, side: 'server', text: 'The answer of the server is not valid HTTP.' },
  response_timeout: { status: 504, side: 'server', text: 'The server did not answer in time.' },
  server_stalled: {
    status: 0,
    side: 'server',
    text: 'The server stopped sending or reading for longer than the idle limit.',
  },
  tunnel_timeout: {
    status: 0,
    side: 'self',
    text: 'Nothing passed through the tunnel for longer than the tunnel timeout.',
  },
  internal: { status: 500, side: 'self', text: 'Weir itself failed; its process log says more.' },
  queue_full: { status: 503, side: 'self', text: 'No server has room, and the queue of the backend is full.' },
  queue_timeout: { status: 503, side: 'self', text: 'No server had room for longer than the queue timeout.' },
  request_deadline: {
    status: 504,
    side: 'server',
    text: 'The answer did not come within the deadline of the request, retries included.',
  },
  circuit_open: {
    status: 503,
    side: 'server',
    text: 'Too many requests to the backend failed of late: its circuit breaker is open.',
  },
  session_server_down: {
    status: 503,
    side: 'server',
    text: 'The server that the session belongs to is not available, and persistence is strict.',
  },
  overloaded: { status: 503, side: 'self', text: 'Weir is overloaded and sheds load.' },
  source_denied: { status: 403, side: 'client', text: 'The network of the client is not allowed here.' },
  source_full: { status: 429, side: 'client', text: 'The source has reached its limit of connections.' },
  rate_limited: { status: 429, side: 'client', text: 'The source asks for more than its rate allows.' },
  method_not_allowed: { status: 405, side: 'client', text: 'The method is not among those allowed here.' },
  bad_path: {
    status: 400,
    side: 'client',
    text: 'The path leads above the root, or holds an encoded separator that is refused here.',
  },
  body_too_large: { status: 413, side: 'client', text: 'The body of the request is larger than the limit.' },
  body_too_slow: { status: 408, side: 'client', text: 'The body of the request came slower than the lowest rate.' },
  client_too_slow: {
    status: 0,
    side: 'client',
    text: 'The client took the response slower than the lowest rate.',
  },
  frontend_paused: { status: 503, side: 'self', text: 'The operator has paused the frontend.' },
  bad_proxy_header: {
    status: 0,
    side: 'client',
    text: 'The connection did not begin with a valid PROXY header from a trusted network.',
  },
  no_certificate: {
    status: 0,
    side: 'client',
    text: 'The client asked for a name that no certificate of the bind has, and `sni` is `strict`.',
  },
  client_certificate: {
    status: 0,
    side: 'client',
    text: 'The client showed a certificate that is not for clients, or that is wrong in a way that has no reason of its own.',
  },
  handshakes_full: {
    status: 0,
    side: 'self',
    text: 'Too many TLS handshakes were under way on the bind, and the connection waited too long for its turn.',
  },
  client_certificate_missing: {
    status: 0,
    side: 'client',
    text: 'The client showed no certificate, and one is required.',
  },
  client_certificate_expired: {
    status: 0,
    side: 'client',
    text: 'The certificate of the client, or one of its chain, is past its end or not valid yet.',
  },
  client_certificate_unknown: {
    status: 0,
    side: 'client',
    text: 'The certificate of the client does not lead to an authority in `ca`, or came without its chain.',
  },
  client_certificate_revoked: {
    status: 0,
    side: 'client',
    text: 'The certificate of the client, or one of its chain, is revoked.',
  },
  client_certificate_depth: {
    status: 0,
    side: 'client',
    text: 'More certificates stand between that of the client and the authority than `depth` allows.',
  },
  client_certificate_unchecked: {
    status: 0,
    side: 'self',
    text: 'Whether the certificate of the client is revoked is not known: `crl` has no list of its authority, or one past its end.',
  },
} as const satisfies Record<string, Reason>

export type ReasonCode = keyof typeof reasons

/** Every code, in the order of its counter. */
export const reasonCodes = Object.keys(reasons) as ReasonCode[]

/** Index of each code's counter on the scoreboard. */
export const reasonIndex = Object.fromEntries(reasonCodes.map((code, i) => [code, i])) as Record<ReasonCode, number>
