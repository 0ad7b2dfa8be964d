/**
 * How long to wait for a client when there is hardly room for another: waits shrink as the connections run out and are long again as
 * soon as there is room. Pure; Postfix does the same with its `stress` settings.
 */

/** Below this share of taken connections nobody is hurried. */
const CALM = 0.7
/** Of a wait, when every connection is taken. RFC 5321 §4.5.3.2.7 wants five minutes; a server that answers nobody keeps no promise. */
const LEAST = 0.1

/** `load`: share of the connections that are taken, 0 to 1. */
export function patience(ms: number, load: number): number {
  if (load <= CALM) return ms
  const stress = Math.min(1, (load - CALM) / (1 - CALM))
  return Math.ceil(ms * (1 - stress * (1 - LEAST)))
}
