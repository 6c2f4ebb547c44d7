// A running Weir, as the commands ask it: where its control socket is, who is asking, and its answers. HTTP and JSON over a
// unix socket; what can be asked is control/admin/routes.ts.
import { readFileSync, readlinkSync } from 'node:fs'
import { request } from 'node:http'
import { userInfo } from 'node:os'
import { dirname, resolve } from 'node:path'
import { isatty } from 'node:tty'
import { loadConfig } from '../config/load.ts'
import { automaticPaths } from '../control/admin/control-socket.ts'
import { CLIENT_HEADER } from '../control/runtime/who.ts'
import { UsageError } from './usage.ts'

export interface Question {
  readonly method: 'GET' | 'POST'
  /** With its query. */
  readonly path: string
  readonly body?: Readonly<Record<string, unknown>>
  /** How long the answer may take, in ms. */
  readonly patience?: number
}

export interface Reply {
  readonly status: number
  readonly value: unknown
}

/** Nobody answers, or not as expected: a message in one line. */
export class NoAnswer extends Error {}

const PATIENCE_MS = 15_000

/**
 * Where to ask, in order: the socket that is named, here or in WEIR_SOCKET, or those where one usually is.
 * @param socket named by the user. @param files configurations that the running Weir may go by
 * @throws UsageError
 */
export function socketPaths(socket: string | undefined, files: readonly string[]): readonly string[] {
  if (files.length + (socket === undefined ? 0 : 1) > 1) throw new UsageError('name one file or one socket')
  if (socket !== undefined) return [socket]
  const [file] = files
  if (file === undefined) return process.env.WEIR_SOCKET ? [process.env.WEIR_SOCKET] : automaticPaths()
  const { config } = loadConfig(file)
  const path = config === null ? socketIn(file) : config.global.controlSocket
  if (path === null) throw new UsageError(`global.control_socket is off in ${file}`)
  return path === 'auto' ? automaticPaths() : [path]
}

/** A file that is no valid configuration can still tell where its Weir runs, which is the one to say what is wrong with it. */
function socketIn(file: string): string | null {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    throw new UsageError(`${file} cannot be read as a configuration; see weir check ${file}`)
  }
  const written = /^[^#\n]*\bcontrol_socket["']?\s*:\s*["']?([^\s"',}#]+)/m.exec(text)?.[1] ?? 'auto'
  if (written === 'off') return null
  return written === 'auto' ? 'auto' : resolve(dirname(file), written.replace(/^unix:/, ''))
}

/** The answer of the first socket that somebody listens on. @throws NoAnswer */
export async function ask(paths: readonly string[], question: Question): Promise<Reply> {
  let denied: string | null = null
  for (const path of paths) {
    try {
      return await askAt(path, question)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code === 'ENOENT' || code === 'ECONNREFUSED') continue
      denied ??=
        code === 'EACCES' || code === 'EPERM'
          ? `${path}: permission denied; ask as the user who runs Weir`
          : `${path}: ${message}`
    }
  }
  throw new NoAnswer(denied ?? `no Weir answers at ${paths.join(' or ')}`)
}

/** @throws Error, with the system's code when nobody listens there */
export function askAt(socketPath: string, { method, path, body, patience = PATIENCE_MS }: Question): Promise<Reply> {
  const sent = body === undefined ? '' : JSON.stringify(body)
  const headers = { [CLIENT_HEADER]: whoAsks(), 'content-length': Buffer.byteLength(sent) }
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, method, path, headers, timeout: patience }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (text += chunk))
      response.on('error', reject)
      response.on('end', () => {
        const status = response.statusCode!
        const isJson = response.headers['content-type']?.startsWith('application/json') === true
        if (isJson) resolve({ status, value: JSON.parse(text) as unknown })
        else reject(new Error(`answered with status ${status}: is this another version of Weir?`))
      })
    })
    asked.on('timeout', () => asked.destroy(new Error(`no answer within ${patience / 1000} seconds`)))
    asked.on('error', reject)
    asked.end(sent)
  })
}

/** Who is at the keyboard; Weir writes it beside each change. */
function whoAsks(): string {
  const fields = [`uid=${process.getuid?.() ?? ''}`, `pid=${process.pid}`]
  try {
    fields.unshift(`user=${userInfo().username}`)
    if (isatty(0)) fields.push(`tty=${readlinkSync('/proc/self/fd/0').replace('/dev/', '')}`)
  } catch {} // a user without a name, a system without /proc
  return fields.join(' ')
}
