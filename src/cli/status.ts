// `weir status`: asks a running Weir over its control socket, and prints a table for people or JSON for programs.
import { request } from 'node:http'
import { loadConfig } from '../config/load.ts'
import { automaticPaths } from '../control/admin/control-socket.ts'
import type { Status } from '../control/admin/status.ts'
import { statusText } from './status-text.ts'
import { readArguments, UsageError, withUsage } from './usage.ts'

export const statusUsage = `Usage: weir status [FILE] [--socket PATH] [--json]

Shows the state of a running Weir: its frontends, backends and servers.

  -f, -c, --config FILE  ask the Weir that runs by this configuration
      --socket PATH      ask at this control socket
      --json             print everything as one JSON document
  -h, --help             this text

Exit codes: 0 answered, 1 no answer, 2 wrong usage.
`

const options = {
  config: { type: 'string', short: 'c' },
  file: { type: 'string', short: 'f' },
  socket: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

/** @param argv what follows the word `status` @returns the exit code */
export function status(argv: string[]): Promise<number> {
  return withUsage('status', statusUsage, async () => {
    const { values, positionals } = readArguments({ args: argv, options, allowPositionals: true })
    if (values.help) {
      process.stdout.write(statusUsage)
      return 0
    }
    const files = [values.config, values.file, ...positionals].filter((file) => file !== undefined)
    const answer = await ask(socketPaths(values.socket, files))
    if (typeof answer === 'string') {
      process.stderr.write(`weir status: ${answer}\n`)
      return 1
    }
    const { stdout } = process
    const colour = stdout.isTTY && !process.env.NO_COLOR && process.env.TERM !== 'dumb' // no-color.org
    stdout.write(values.json ? `${JSON.stringify(answer, null, 2)}\n` : statusText(answer, { colour, now: Date.now() }))
    return 0
  })
}

/** Where to ask, in order. @throws UsageError */
function socketPaths(socket: string | undefined, files: readonly string[]): readonly string[] {
  if (files.length + (socket === undefined ? 0 : 1) > 1) throw new UsageError('name one file or one socket')
  if (socket !== undefined) return [socket]
  const [file] = files
  if (file === undefined) return automaticPaths()
  const { config } = loadConfig(file)
  if (config === null) throw new UsageError(`${file} is not a valid configuration; see weir check ${file}`)
  const { controlSocket } = config.global
  if (controlSocket === null) throw new UsageError(`global.control_socket is off in ${file}`)
  return controlSocket === 'auto' ? automaticPaths() : [controlSocket]
}

/** The answer of the first socket that somebody listens on, or why there is none. */
async function ask(paths: readonly string[]): Promise<Status | string> {
  let denied: string | null = null
  for (const path of paths) {
    try {
      return await fetchStatus(path)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code === 'ENOENT' || code === 'ECONNREFUSED') continue
      denied ??=
        code === 'EACCES' || code === 'EPERM'
          ? `${path}: permission denied; ask as the user who runs Weir`
          : `${path}: ${message}`
    }
  }
  return denied ?? `no Weir answers at ${paths.join(' or ')}`
}

/** Asks the Weir whose control socket this is. @throws Error, with the system's code when nobody listens there */
export function fetchStatus(socketPath: string): Promise<Status> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: '/v1/status', timeout: 5000 }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (body += chunk))
      response.on('error', reject)
      response.on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(body) as Status)
        else reject(new Error(`answered with status ${response.statusCode}`))
      })
    })
    asked.on('timeout', () => asked.destroy(new Error('no answer within 5 seconds')))
    asked.on('error', reject)
    asked.end()
  })
}
