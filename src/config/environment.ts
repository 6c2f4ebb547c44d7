// ${VAR}, ${VAR:-default} and ${VAR:?message} in the text of a scalar, as a shell has them; $$ is a dollar sign, and a
// dollar sign before anything else is itself. Defaults may hold variables too. Pure: the environment is an argument.

export type Environment = Readonly<Record<string, string | undefined>>

export interface ExpansionProblem {
  readonly code: 'BAD_VARIABLE' | 'UNSET_VARIABLE'
  readonly message: string
  /** Offset of the '$' in the text. */
  readonly at: number
  readonly length: number
}

export interface Expansion {
  readonly text: string
  /** Something came from the environment. */
  readonly used: boolean
  readonly problems: readonly ExpansionProblem[]
}

/** Index of the '}' that closes the '${' at `start`, or -1. */
function closing(text: string, start: number): number {
  let depth = 0
  for (let i = start; i < text.length; i++) {
    if (text[i] === '$' && text[i + 1] === '{') depth++
    else if (text[i] === '}' && --depth === 0) return i
  }
  return -1
}

/** Fills in all variables. Problems never hold a value from the environment. */
export function expand(text: string, env: Environment): Expansion {
  const problems: ExpansionProblem[] = []
  let used = false

  const variable = (from: number, end: number): string => {
    const inner = text.slice(from + 2, end)
    const length = end + 1 - from
    const match = /^([A-Za-z_][A-Za-z0-9_]*)(?::([-?])([\s\S]*))?$/.exec(inner)
    if (!match) {
      problems.push({
        code: 'BAD_VARIABLE',
        message: 'expected ${NAME}, ${NAME:-default} or ${NAME:?message}',
        at: from,
        length,
      })
      return ''
    }
    const [, name, operator, word] = match
    const value = env[name!]
    if (value !== undefined && (value !== '' || operator === undefined)) {
      used = true
      return value
    }
    if (operator === '-') return part(end - word!.length, end)
    const why = operator === '?' && word !== '' ? word! : 'set it, or give a default as in ${NAME:-default}'
    problems.push({ code: 'UNSET_VARIABLE', message: `${name} is not set: ${why}`, at: from, length })
    return ''
  }

  const part = (from: number, to: number): string => {
    let result = ''
    for (let i = from; i < to; i++) {
      if (text[i] !== '$') result += text[i]
      else if (text[i + 1] === '$') {
        result += '$'
        i++
      } else if (text[i + 1] === '{') {
        const end = closing(text, i)
        if (end < 0 || end >= to) {
          problems.push({ code: 'BAD_VARIABLE', message: '"${" without its "}"', at: i, length: 2 })
          return result
        }
        result += variable(i, end)
        i = end
      } else result += '$'
    }
    return result
  }

  return { text: part(0, text.length), used, problems }
}
