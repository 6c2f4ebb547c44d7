// JSON Schema (draft-07) of the configuration file, for the completion and the checks of editors.
import { z } from 'zod'
import { configSchema } from './schema.ts'

/** Meta data that is for the reader and the manual, not for editors. */
const internal = ['kind', 'expects', 'code', 'bounds', 'nonEmpty', 'otherwise', 'unit']

export function jsonSchema(): string {
  const schema = z.toJSONSchema(configSchema, {
    io: 'input',
    target: 'draft-07',
    reused: 'inline',
    override: ({ jsonSchema: node }) => {
      const { otherwise, nonEmpty, type } = node as { otherwise?: string; nonEmpty?: boolean; type?: string }
      if (otherwise !== undefined) node.description = `${node.description} Default: ${otherwise.replaceAll('`', '')}.`
      if (nonEmpty && type === 'object') node.minProperties = 1
      if (nonEmpty && type === 'array') node.minItems = 1
      if (node.minimum === Number.MIN_SAFE_INTEGER) delete node.minimum // the bounds of JavaScript say nothing to a person
      if (node.maximum === Number.MAX_SAFE_INTEGER) delete node.maximum
      for (const key of internal) delete (node as Record<string, unknown>)[key]
    },
  })
  return `${JSON.stringify(schema, null, 2)}\n`
}
