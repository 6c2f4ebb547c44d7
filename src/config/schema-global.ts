// Options of the process as a whole: the `global` section.
import { z } from 'zod'
import { maxUnixPath, parseBindAddress } from './address.ts'
import {
  duration,
  either,
  flag,
  group,
  integer,
  integerOrAuto,
  judged,
  option,
  path,
  percent,
  required,
  word,
  zone,
} from './options.ts'

/** A path, or one of some words that stand for something else. `most` is the longest path, in bytes. */
function pathOr(words: readonly string[], most = 4095): z.ZodType<string> {
  const expects = `${words.map((each) => `"${each}"`).join(', ')} or a path`
  return judged(z.string(), { kind: expects.replaceAll('"', '`'), expects }, (value) => {
    if (value === '') return `expected ${expects}`
    return Buffer.byteLength(value) > most ? `expected a path of at most ${most} bytes` : null
  })
}

const adminAddress = judged(
  z.union([z.string(), z.int()]),
  {
    kind: '`off`, an address or a port',
    expects: '"off", or a loopback address such as "127.0.0.1:9180"',
    code: 'BAD_ADDRESS',
  },
  (value) => {
    if (value === 'off') return null
    const parsed = parseBindAddress(value)
    return 'expected' in parsed ? parsed.expected : null
  },
)

const groupName = judged(
  z.union([z.string(), z.int()]),
  { kind: 'group', expects: 'the name or the number of a group' },
  (value) =>
    (
      typeof value === 'number'
        ? value >= 0 && value < 2 ** 32 - 1
        : /^([A-Za-z_][A-Za-z0-9_.-]{0,31}\$?|\d{1,9})$/.test(value)
    )
      ? null
      : 'expected the name or the number of a group',
)

export const logOptions = {
  level: option(word(['debug', 'info', 'warn', 'error']), {
    default: 'info',
    doc: 'The least severe lines that are written.',
  }),
  target: option(pathOr(['stderr', 'stdout']), { default: 'stderr', doc: 'Where the process log goes.' }),
}

/** When requests are turned away so that the process as a whole does not suffer. */
export const overloadOptions = {
  loop_delay: option(duration('0s', '1m'), {
    default: '200ms',
    doc: 'Delay of the event loop of a worker from which it sheds load. 0s: never.',
  }),
  memory: option(percent(), {
    default: '90%',
    doc: 'Share of the memory that the process may have from which all workers shed load. 0%: never.',
  }),
  retry_after: option(integer(1, 3600, 'seconds'), {
    default: 2,
    doc: 'What `Retry-After` of these answers says.',
  }),
}

export const accessLogSchema = z
  .strictObject({
    format: option(word(['json', 'haproxy']), {
      default: 'json',
      doc: "`json`: one object a line. `haproxy`: the lines of HAProxy's httplog and tcplog, for tools that read them.",
    }),
    target: required(pathOr(['stdout']), 'Where the lines go.'),
  })
  .meta({ id: 'access_log', title: 'Access log' })

export const ticketKeysSchema = z
  .strictObject({
    file: option(path(), {
      otherwise: 'keys are made in memory',
      doc: 'File of keys that machines share: a line for each, 48 bytes in base64 (`openssl rand -base64 48`). Tickets are made with the first and taken from all. Read anew when it changes.',
    }),
    rotation: option(duration('1m', '7d'), {
      default: '12h',
      doc: 'Keys made in memory: how often there is a new one. The two before it are still taken.',
    }),
  })
  .meta({ id: 'ticket_keys', title: 'Keys of session tickets' })

export const globalSchema = z
  .strictObject({
    workers: option(integerOrAuto(1, 64), {
      default: 'auto',
      doc: 'Worker threads that carry the traffic, each with listening sockets of its own. `auto`: one for each core.',
    }),
    max_connections: option(integerOrAuto(1, 10_000_000), {
      default: 'auto',
      doc: 'Connections from clients over all workers; beyond it, new ones wait for a few seconds, then get 503. `auto`: what the limit of open files allows.',
    }),
    overload: group(
      overloadOptions,
      'When load is shed: requests get 503 with `Retry-After` until it is over, so that those under way are served.',
    ),
    sources: option(integer(1024, 4_194_304), {
      default: 65_536,
      doc: 'Sources of clients that are remembered at a time, for limits and rates; those not seen for longest give way.',
    }),
    shutdown_timeout: option(duration('100ms', '1h'), {
      default: '30s',
      doc: 'How long a stop waits for what is under way before it cuts it off.',
    }),
    lame_duck: option(duration('0s', '1h'), {
      default: '0s',
      doc: 'Before a stop closes anything, `/readyz` and `health` endpoints fail for so long while requests go on, so that a load balancer in front looks elsewhere: the interval of its checks times the number that must fail. 0s: not at all.',
    }),
    zone: option(zone(), {
      otherwise: 'none',
      doc: 'Where this Weir stands, such as `${AZ}`: servers with the same `zone` are preferred while they have their share of what is healthy.',
    }),
    admin: option(adminAddress, {
      default: '127.0.0.1:9180',
      doc: 'Where `/metrics`, `/livez` and `/readyz` are served. Loopback only; a port alone means 127.0.0.1.',
    }),
    control_socket: option(pathOr(['auto', 'off'], maxUnixPath), {
      default: 'auto',
      doc: 'Unix socket that `weir status` and the other commands talk to, open to the user that runs Weir alone (see `control_group`). `auto`: `/run/weir/weir.sock` where that can be written, else a path in the folder for temporary files.',
    }),
    control_group: option(groupName, {
      otherwise: 'none',
      doc: 'Group, by name or number, whose members may use `control_socket` and `haproxy_socket` too (mode 0660 in place of 0600).',
    }),
    haproxy_socket: option(pathOr(['off'], maxUnixPath), {
      default: 'off',
      doc: "A second unix socket, which understands HAProxy's runtime commands (`show stat`, `disable server`), for tools that speak them.",
    }),
    certificate_store: option(path(), {
      otherwise: 'beside the configuration: its path with `.certificates` behind it',
      doc: 'Folder for the certificates of `weir cert put` and of ACME, open to the user that runs Weir alone. It is made when it is needed.',
    }),
    ticket_keys: option(either(path(), ticketKeysSchema), {
      otherwise: 'made in memory, a new one every 12h',
      doc: 'Keys of TLS session tickets. A path alone is a file of keys that machines share, so that a ticket of one is good at all of them.',
    }),
    watch: option(flag(), {
      default: false,
      doc: 'Reload when the configuration file changes. A file that is wrong changes nothing.',
    }),
    log: group(logOptions, 'The process log: start and stop, states of servers, problems.'),
    access_log: option(either(pathOr(['off', 'stdout']), accessLogSchema), {
      default: 'off',
      doc: 'One line for each request (http) or connection (tcp). A path alone means JSON lines in that file.',
    }),
  })
  .meta({ id: 'global', title: 'global' })
