/** Days as reports count them: from 00:00 to 24:00 UTC. */

export const DAY_MS = 86_400_000

/** `2026-11-21` */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

export function startOfDay(day: string): number {
  return Date.parse(`${day}T00:00:00Z`)
}

export function endOfDay(day: string): number {
  return startOfDay(day) + DAY_MS
}
