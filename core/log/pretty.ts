/**
 * Turns a JSON line of the log into one line for people: `12:00:01.123 INFO  session ended  id=… commands=4`.
 * Pure. Values are quoted when they hold anything that could be mistaken, so a peer cannot forge a line or colour the terminal.
 */
const PLAIN = /^[\p{L}\p{N}._:@/+<>[\]()*,-]+$/u

export function prettyLine(json: string): string {
  const line = parse(json)
  if (line === undefined) return json
  const { time, level, msg, err, ...facts } = line
  const clock = String(time).slice(11, 23)
  const told = Object.entries(facts).map(([name, value]) => `${name}=${show(value)}`)
  const head = [clock, String(level).toUpperCase().padEnd(5), String(msg ?? '')].join(' ')
  return `${[head, ...told].join('  ')}\n${stackOf(err)}`
}

function parse(json: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(json) as Record<string, unknown>
  } catch {
    return undefined
  }
}

function show(value: unknown): string {
  if (typeof value === 'string' && PLAIN.test(value)) return value
  return JSON.stringify(value) ?? 'undefined'
}

function stackOf(err: unknown): string {
  if (typeof err !== 'object' || err === null) return ''
  const { stack, message } = err as { stack?: unknown; message?: unknown }
  const lines = String(stack ?? message ?? '').split('\n')
  return lines.map(line => `    ${line.replace(/[\x00-\x1f\x7f-\x9f]/g, '?')}\n`).join('')
}
