// What can be wrong with a configuration: one table of codes, the shape of a problem, and the list they are gathered in.
// Reading goes on after a problem, so that a person sees all of them at once. How they are printed is format.ts.
import type { Place } from './tree.ts'

/** An error makes the configuration unusable; a warning is worth a look and nothing more. */
export type Severity = 'error' | 'warning'

export const problemCodes = {
  YAML_SYNTAX: { severity: 'error', text: 'The file is not valid YAML.' },
  EMPTY_CONFIG: { severity: 'error', text: 'The file holds nothing, or the folder holds no `*.yaml` or `*.yml` file.' },
  UNREADABLE_FILE: {
    severity: 'error',
    text: 'A file cannot be read: it is missing, it is a folder, or permission is lacking.',
  },
  UNKNOWN_KEY: { severity: 'error', text: 'There is no option of this name here.' },
  MISSING: { severity: 'error', text: 'Something that must be said is not there.' },
  BAD_VALUE: { severity: 'error', text: 'The value is not of the kind that the option takes.' },
  BAD_DURATION: { severity: 'error', text: 'Not a span of time such as `2s`. A number without a unit is refused.' },
  BAD_SIZE: { severity: 'error', text: 'Not a size in bytes such as `16KiB`.' },
  BAD_ADDRESS: { severity: 'error', text: 'Not an address to listen on, or of a server.' },
  BAD_NETWORK: { severity: 'error', text: 'Not an address or a network of clients such as `10.0.0.0/8`.' },
  BAD_RATE: { severity: 'error', text: 'Not a rate such as `100/s`, `30/m` or `5000/h`.' },
  BAD_NAME: {
    severity: 'error',
    text: 'The name of a frontend, backend or server has a character that names cannot have.',
  },
  OUT_OF_RANGE: { severity: 'error', text: 'The value is of the right kind, but beyond the bounds of the option.' },
  BAD_VARIABLE: { severity: 'error', text: 'A `${...}` in a value is malformed.' },
  UNSET_VARIABLE: { severity: 'error', text: 'A variable of the environment that a value needs is not set.' },
  DUPLICATE_NAME: {
    severity: 'error',
    text: 'The same key is given twice, or two servers of a backend have one name.',
  },
  DUPLICATE_ADDRESS: { severity: 'error', text: 'Two servers of a backend have one address.' },
  MERGE_CONFLICT: { severity: 'error', text: 'Two files of a folder say the same thing.' },
  UNKNOWN_BACKEND: {
    severity: 'error',
    text: 'A frontend, a bind, a route, a rule of `passthrough`, a condition of readiness or a circuit breaker names a backend that is not there.',
  },
  MODE_CONFLICT: {
    severity: 'error',
    text: 'A backend is used in another mode than its own, or an option belongs to the other mode.',
  },
  BIND_CONFLICT: { severity: 'error', text: 'Two binds take the same port, or the same unix socket.' },
  BAD_CERTIFICATE: {
    severity: 'error',
    text: 'A file does not hold the certificate or the private key that it should.',
  },
  BAD_BALANCER: {
    severity: 'error',
    text: 'A file does not hold a balancer: it cannot be loaded, or what it exports does not work.',
  },
  KEY_MISMATCH: { severity: 'error', text: 'The private key is not the one of the certificate.' },
  BAD_SECRET: { severity: 'error', text: 'A file does not hold the secret that it should.' },
  CERTIFICATE_EXPIRED: { severity: 'warning', text: 'A certificate is past its end, or not valid yet.' },
  CERTIFICATE_EXPIRES: { severity: 'warning', text: 'A certificate has less than 14 days left.' },
  SKIPPED_CERTIFICATE: {
    severity: 'warning',
    text: 'A file in a folder of certificates cannot be used, and is left out.',
  },
  UNWISE_TLS: {
    severity: 'warning',
    text: 'TLS works as written, but hardly as it is meant: a certificate is never served, or cannot be ordered or verified; the message says why.',
  },
  UNUSED_BACKEND: { severity: 'warning', text: 'No frontend uses this backend.' },
  UNREACHABLE_ROUTE: { severity: 'warning', text: 'An earlier route takes all requests that this one would match.' },
  UNWISE_BALANCE: {
    severity: 'warning',
    text: 'The balancing works as written, but is slow, uneven or blind in this place; the message says what to take.',
  },
  UNWISE_RULE: {
    severity: 'warning',
    text: 'A rule about clients, proxies, readiness, retries or sessions works as written, but hardly as it is meant; the message says why.',
  },
  ELB_MISMATCH: {
    severity: 'warning',
    text: 'A frontend is said to be behind an ELB, and something does not go with one; the message says what to change.',
  },
  NO_EFFECT: { severity: 'warning', text: 'The option does nothing where it stands.' },
} as const satisfies Record<string, { severity: Severity; text: string }>

export type ProblemCode = keyof typeof problemCodes

export interface Problem {
  readonly code: ProblemCode
  readonly severity: Severity
  /** One line, without the place and without any value that came from the environment or from a key file. */
  readonly message: string
  /** File as it was named by the caller, or null when the problem is with a command-line option. */
  readonly file: string | null
  /** The command-line option ('--listen'), or null. */
  readonly flag: string | null
  /** From 1; 0 when there is no text to point at (a file that cannot be read). */
  readonly line: number
  /** From 1, in UTF-16 units; 0 as for line. */
  readonly column: number
  /** Width of what is meant, at least 1, within its line. */
  readonly width: number
}

/** The list that reading adds to. One problem is reported once per place, however often a file is looked at. */
export class Problems {
  readonly #all: Problem[] = []
  readonly #seen = new Set<string>()

  add(place: Place, code: ProblemCode, message: string): void {
    const { source, start, end } = place
    const isFlag = source.kind === 'flag'
    const { line, column } = isFlag || source.text === null ? { line: 0, column: 0 } : source.position(start)
    const lineEnd = source.text === null ? end : source.lineEnd(start)
    const problem: Problem = {
      code,
      severity: problemCodes[code].severity,
      message,
      file: isFlag ? null : source.name,
      flag: isFlag ? source.name : null,
      line,
      column,
      width: Math.max(1, Math.min(end, lineEnd) - start),
    }
    const identity = JSON.stringify(problem)
    if (this.#seen.has(identity)) return
    this.#seen.add(identity)
    this.#all.push(problem)
  }

  get failed(): boolean {
    return this.#all.some(({ severity }) => severity === 'error')
  }

  /** In the order of files, lines and columns. */
  sorted(): readonly Problem[] {
    return inOrder(this.#all)
  }
}

/** By file as first mentioned, then by line and column. */
export function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const files = [...new Set(problems.map(({ file }) => file))]
  return problems.toSorted(
    (a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column,
  )
}
