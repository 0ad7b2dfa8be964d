/** Turns log lines into the story of a mail: which hooks said what, and where it went. */
export type Line = Readonly<Record<string, unknown>>

export function readLines(log: string): readonly Line[] {
  const lines: Line[] = []
  for (const text of log.split('\n')) {
    if (!text.startsWith('{')) continue
    try {
      lines.push(JSON.parse(text) as Line)
    } catch (error) {
      // The last line may still be on its way.
      if (!(error instanceof SyntaxError)) throw error
    }
  }
  return lines
}

export function story(lines: readonly Line[]): readonly string[] {
  return lines.flatMap(line => {
    if (line.msg === 'hook answered') return said(line)
    if (line.msg === 'recipient refused' || line.msg === 'message refused')
      return [`→ refused: ${line.code} ${line.status} ${line.text}`]
    if (['filed', 'delivered', 'deferred', 'bounced', 'failed', 'expired'].includes(String(line.msg)))
      return [`→ ${wentTo(line)}`]
    return []
  })
}

function said({ plugin, hook, answer }: Line): readonly string[] {
  const answers = (Array.isArray(answer) ? answer : [answer]) as Line[]
  return answers.map(one => `${String(hook).padEnd(8)} ${String(plugin).padEnd(12)} ${sentence(one)}`)
}

function sentence(answer: Line): string {
  switch (answer.kind) {
    case 'claim': {
      const to = answer.to as { local: string; domain: string }
      return `takes it: ${answer.target} for ${to.local}@${to.domain}`
    }
    case 'reject':
    case 'defer':
      return `${answer.kind}s: ${answer.code} ${answer.status} ${answer.text}`
    case 'label':
      return `labels it ${(answer.names as string[]).join(', ')}`
    case 'authenticated':
      return `knows ${(answer.account as { login: string }).login}`
    case 'ruled':
      return 'lets it pass: its points stay below every threshold'
    case 'remove':
      return `takes out any ${answer.name} that came with it`
    case 'hold':
    case 'quarantine':
    case 'discard':
      return `${answer.kind}s it: ${answer.text}`
    default:
      return 'says' in answer
        ? `${points(answer.points)} ${answer.name}: ${answer.says}`
        : `${answer.name}: ${answer.value}`
  }
}

function points(value: unknown): string {
  return `${Number(value) >= 0 ? '+' : ''}${Number(value).toFixed(1)}`
}

function wentTo(line: Line): string {
  const { msg, to, mailbox, remote, reply, text } = line
  const where = mailbox ?? remote ?? ''
  return [msg, to, where === '' ? '' : `in ${where}`, reply ?? text ?? ''].filter(part => part !== '').join(' ')
}
