// Short ways for the tests of src/config: a configuration from a few lines, and its problems as one-line texts.
import type { Config } from '../../src/config/config.ts'
import type { Environment } from '../../src/config/environment.ts'
import { parseConfig, type Loaded } from '../../src/config/load.ts'
import type { Problem } from '../../src/config/problems.ts'

export const problemsOf = (loaded: Loaded): readonly Problem[] => (loaded.config ? loaded.warnings : loaded.problems)

/** 'line:column CODE' of each problem. */
export const places = (loaded: Loaded): string[] =>
  problemsOf(loaded).map(({ line, column, code }) => `${line}:${column} ${code}`)

/** The same for a text; `folder` is where relative paths start from. */
export const check = (text: string, env: Environment = {}, folder = '/nowhere'): string[] =>
  places(parseConfig(text, `${folder}/weir.yaml`, env))

export const messages = (text: string, env: Environment = {}): string[] =>
  problemsOf(parseConfig(text, '/nowhere/weir.yaml', env)).map(({ message }) => message)

/** The configuration of a text that must be right. */
export function valid(text: string, env: Environment = {}, folder = '/nowhere'): Config {
  const loaded = parseConfig(text, `${folder}/weir.yaml`, env)
  if (!loaded.config) throw new Error(loaded.problems.map(({ message }) => message).join('\n'))
  return loaded.config
}

/** A right configuration around some lines of the frontend and of the backend, in flow style. */
export const around = ({ frontend = '', backend = '', servers = '[10.0.0.1:80]', top = '' } = {}): string =>
  [
    `frontends: {web: {bind: ":8080", backend: app${frontend && `, ${frontend}`}}}`,
    `backends: {app: {servers: ${servers}${backend && `, ${backend}`}}}`,
    top,
  ].join('\n')
