// Where the counter of a reason stands in a `reasons` table: the rule that its writers and its readers share.
import { reasonCodes, reasonIndex, type ReasonCode } from '../model/reasons.ts'

/** @param slot row of the frontend or backend that the table belongs to */
export const reasonCell = (slot: number, reason: ReasonCode): number => slot * reasonCodes.length + reasonIndex[reason]
