// What an ACME server says, as far as Weir goes by it (RFC 8555, section 7.1), and how its answers are read: nothing in them
// is believed to have its shape before it was looked at.
import { z } from 'zod'

const url = z.url({ protocol: /^https?$/ })
const moment = z.string().transform((text, context) => {
  const at = Date.parse(text)
  if (Number.isNaN(at)) context.addIssue('not a time')
  return at
})

/** What went wrong (RFC 7807; RFC 8555, section 6.7). */
const problemSchema = z.looseObject({
  type: z.string().optional(),
  detail: z.string().optional(),
  subproblems: z
    .array(
      z.looseObject({
        type: z.string().optional(),
        detail: z.string().optional(),
        identifier: z.looseObject({ value: z.string() }).optional(),
      }),
    )
    .optional(),
})

const directorySchema = z.looseObject({
  newNonce: url,
  newAccount: url,
  newOrder: url,
  /** RFC 9773. */
  renewalInfo: url.optional(),
  meta: z
    .looseObject({
      externalAccountRequired: z.boolean().optional(),
      profiles: z.record(z.string(), z.unknown()).optional(),
    })
    .optional(),
})

const orderSchema = z.looseObject({
  status: z.enum(['pending', 'ready', 'processing', 'valid', 'invalid']),
  authorizations: z.array(url).max(1000),
  finalize: url,
  certificate: url.optional(),
  error: problemSchema.optional(),
})

const challengeSchema = z.looseObject({
  type: z.string(),
  url: url.optional(),
  /** Of base64url (RFC 8555, section 8.1): it becomes part of a path. */
  token: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,512}$/)
    .optional(),
  status: z.string().optional(),
  error: problemSchema.optional(),
})

const authorizationSchema = z.looseObject({
  identifier: z.looseObject({ type: z.string(), value: z.string() }),
  status: z.enum(['pending', 'valid', 'invalid', 'deactivated', 'expired', 'revoked']),
  challenges: z.array(challengeSchema).max(100),
})

const renewalInfoSchema = z.looseObject({
  suggestedWindow: z.looseObject({ start: moment, end: moment }),
  explanationURL: z.string().max(2000).optional(),
})

export const shapes = {
  problem: problemSchema,
  directory: directorySchema,
  order: orderSchema,
  authorization: authorizationSchema,
  renewalInfo: renewalInfoSchema,
}

export type ProblemDocument = z.infer<typeof problemSchema>
export type Directory = z.infer<typeof directorySchema>
export type Order = z.infer<typeof orderSchema>
export type Authorization = z.infer<typeof authorizationSchema>
export type Challenge = z.infer<typeof challengeSchema>
/** Times in milliseconds since the epoch. */
export type RenewalInfo = z.infer<typeof renewalInfoSchema>
