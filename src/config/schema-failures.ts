// Options for when servers are full, slow or failing: the queue, retries, ejection by live traffic, the circuit breaker.
import { z } from 'zod'
import {
  decimalOrZero,
  duration,
  either,
  group,
  integer,
  judged,
  listOf,
  name,
  onOff,
  option,
  percent,
  size,
  text,
  word,
} from './options.ts'

/** Limits of a server and of all servers of a backend together. 0: none. */
export const connectionLimit = () => integer(0, 10_000_000)

export const queueOptions = {
  max: option(integer(0, 1_000_000), {
    default: 1000,
    doc: 'Requests (tcp: connections) that wait at a time, over all workers; further ones get 503 at once. 0: none may wait.',
  }),
  timeout: option(duration('10ms', '1h'), { default: '5s', doc: 'Longest wait; then 503.' }),
}

export const retries = option(integer(0, 100), {
  default: 3,
  doc: 'Further tries of one request, whatever made the first one fail. 0: none.',
})

export const retryCauses = ['connect', 'closed', 'timeout'] as const

const cause = () => {
  const expects = '"connect", "closed", "timeout" or a status from 400 to 599'
  return judged(
    z.union([z.string(), z.int()]),
    { kind: '`connect`, `closed`, `timeout` or a status', expects },
    (value) =>
      (retryCauses as readonly unknown[]).includes(value) || /^[45]\d\d$/.test(String(value))
        ? null
        : `expected ${expects}`,
  )
}

/** What layers option by option. */
export const retryNumbers = {
  methods: option(word(['idempotent', 'all']), {
    default: 'idempotent',
    doc: 'Requests that may be sent again once something of them was sent. `all`: POST and PATCH too, which a server may then carry out twice. http mode only.',
  }),
  body: option(size('0B', '1MiB'), {
    default: '16KiB',
    doc: 'Body that is kept for another try; a request with a longer one is sent once. http mode only.',
  }),
  budget: option(percent(), {
    default: '20%',
    doc: 'Retries in relation to requests, so that they cannot multiply the load on servers that fail anyway. A few are always allowed. 100%: no limit.',
  }),
  backoff: option(duration('0s', '2s'), {
    default: '100ms',
    doc: 'Wait before another try on a server that has just failed, doubled each time up to 2 s, part of it drawn by lot. Another server is tried at once.',
  }),
}

export const retryOptions = {
  on: option(either(cause(), listOf(cause())), {
    otherwise: '`[connect, closed]`',
    doc: 'What is tried again. `connect`: no connection could be made; always tried again. `closed`: the server closed before a byte of its answer. `timeout`: no answer within `timeouts.server_response`. A status, such as 503: it answered with that. http mode only.',
  }),
  ...retryNumbers,
}

export const ejectionOptions = {
  failures: option(integer(0, 1000), {
    default: 5,
    doc: 'Failures in a row (no connection, no answer in time, 5xx) that take a server out. 0: not judged by that.',
  }),
  error_ratio: option(percent(), {
    default: '0%',
    doc: 'Share of failed answers, in recent traffic, that takes a server out when the others do better. 0%: not judged by that.',
  }),
  latency: option(decimalOrZero(1.5, 100), {
    default: 0,
    doc: 'Multiple of the median latency of the others that takes a server out. 0: not judged by that.',
  }),
  min_requests: option(integer(1, 1_000_000), {
    default: 20,
    doc: 'Recent answers without which `error_ratio` and `latency` say nothing.',
  }),
  time: option(duration('100ms', '5m'), {
    default: '10s',
    doc: 'How long a server is out the first time. It is longer each time after that, up to 5 minutes, and shorter again once the server does well.',
  }),
  max: option(percent(), {
    default: '50%',
    doc: 'Largest share of the servers that is out at a time. One may always be, but never the last that is up.',
  }),
}

export const ejectionSchema = z.strictObject(ejectionOptions).meta({ id: 'ejection', title: 'Ejection' })

/** Servers are judged by their traffic too, besides the health checks. */
export const ejection = () =>
  option(either(onOff(), ejectionSchema), {
    default: 'on',
    doc: 'Takes servers out for a while by how live requests fare on them, besides the health checks.',
  })

export const breakerNumbers = {
  error_ratio: option(percent(1), { default: '50%', doc: 'Share of failed requests that opens it.' }),
  min_requests: option(integer(1, 1_000_000), {
    default: 20,
    doc: 'Requests in the window without which it stays closed.',
  }),
  window: option(duration('1s', '10m'), { default: '10s', doc: 'Time over which the share is taken.' }),
  open: option(duration('100ms', '15m'), {
    default: '5s',
    doc: 'How long no request reaches the servers; after that a few are let through. Twice as long each time that these fail, up to eightfold.',
  }),
  trials: option(integer(1, 1000), {
    default: 5,
    doc: 'How many are let through then. All of them succeed: it closes; one fails: it is open again.',
  }),
}

export const maxAnswerBody = 16_384

export const answerNumbers = {
  status: option(integer(200, 599), { default: 503, doc: 'Status of the answer.' }),
  content_type: option(
    text('content type', 'a content type such as "text/html; charset=utf-8"', /^[\x20-\x7e]{1,256}$/),
    { default: 'text/plain; charset=utf-8', doc: '`Content-Type` of the answer.' },
  ),
}

const answer = () =>
  group(
    {
      ...answerNumbers,
      body: option(
        judged(z.string(), { kind: 'text', expects: `text of at most ${maxAnswerBody} bytes` }, (value) =>
          Buffer.byteLength(value) > maxAnswerBody ? `expected text of at most ${maxAnswerBody} bytes` : null,
        ),
        { otherwise: 'empty', doc: 'Body of the answer, at most 16 KiB.' },
      ),
    },
    'Answer of your own while it is open, in place of 503 with the reason `circuit_open`. http mode only.',
  )

const breakerShared = { ...breakerNumbers, answer: answer() }

export const breakerSchema = z
  .strictObject({
    ...breakerShared,
    fallback: option(name(), {
      otherwise: 'none',
      doc: 'Backend that gets the requests while it is open. In `backends` alone, not in `defaults`.',
    }),
  })
  .meta({ id: 'circuit_breaker', title: 'Circuit breaker' })

const breakerDoc =
  'Stops sending to a backend most of whose requests fail, so that clients get their answer at once and its servers a rest.'

export const breaker = () => option(either(onOff(), breakerSchema), { default: 'off', doc: breakerDoc })
export const defaultBreaker = () =>
  option(
    either(onOff(), z.strictObject(breakerShared).meta({ id: 'circuit_breaker_defaults', title: 'Circuit breaker' })),
    {
      default: 'off',
      doc: breakerDoc,
    },
  )

/** What backends and `defaults` both take. */
export const failureOptions = {
  max_connections_per_server: option(connectionLimit(), {
    default: 0,
    doc: 'Requests in flight (http) or connections (tcp) on each server that says nothing else itself, over all workers. 0: any number.',
  }),
  queue: group(queueOptions, 'Where requests wait while no server has room; those of high `priority` first.'),
  retries,
  retry: group(retryOptions, 'Which requests are tried again, and when.'),
  ejection: ejection(),
}
