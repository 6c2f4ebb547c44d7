// docs/reasons.md: why a request or a connection failed, from the table in model/reasons.ts.
import { reasons, type Side } from '../model/reasons.ts'

const sides: readonly (readonly [Side, string])[] = [
  ['client', 'The client is at fault'],
  ['server', 'The server is at fault'],
  ['self', 'Weir or its operator is at fault'],
]

export function reasonsManual(): string {
  const sections = sides.map(([side, title]) => {
    const rows = Object.entries(reasons).filter(([, reason]) => reason.side === side)
    const lines = rows.map(([code, { status, text }]) => `| \`${code}\` | ${status === 0 ? '-' : status} | ${text} |`)
    return [`## ${title}`, '', '| Reason | Status | Meaning |', '|---|---|---|', ...lines, ''].join('\n')
  })
  return `${header}\n${sections.join('\n')}`
}

const header = `<!-- Generated from src/model/reasons.ts by \`npm run generate\`; do not edit. -->
# Reasons

Every request or connection that fails has exactly one of these reasons. It is the same word in the answer
(\`X-Weir-Reason\`), in the access log and in the metrics. The status is that of the answer Weir gives when none has begun;
"-" means that the connection is just closed.
`
