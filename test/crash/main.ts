/** `npm run crash`: kills a server under load many times and says what became of the mail; with `--mailboxes`, of what owners of mailboxes did; with `--places`, of mail for places outside of the store. Ends with 1 when something is wrong. */
import { parseArgs } from 'node:util'
import { crashMailboxes } from './mailbox-run.js'
import { crashPlaces } from './place-run.js'
import { type CrashReport, crash } from './run.js'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '2000' },
    seed: { type: 'string' },
    json: { type: 'boolean', default: false },
    mailboxes: { type: 'boolean', default: false },
    places: { type: 'boolean', default: false },
  },
})
const seed = values.seed === undefined ? Math.floor(Math.random() * 1_000_000) : Number(values.seed)
const kills = Number(values.kills)
if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(kills) || kills < 1) {
  process.stderr.write('crash: --kills and --seed want whole numbers\n')
  process.exit(2)
}

process.stderr.write(`crash: ${kills} kills, seed ${seed}\n`)
if (values.mailboxes || values.places) {
  const crashThese = values.places ? crashPlaces : crashMailboxes
  const done = await crashThese({ seed, kills, progress: line => process.stderr.write(`${line}\n`) })
  process.stdout.write(`${JSON.stringify(done, null, 2)}\n`)
  process.exit(done.faults.length > 0 ? 1 : 0)
}
const report = await crash({ seed, kills, progress: line => process.stderr.write(`${line}\n`) })
process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : table(report))
process.exit(report.faults.length > 0 ? 1 : 0)

function table(it: CrashReport): string {
  const blows = Object.entries(it.by).map(([what, count]) => `${count} ${what}`)
  const rows: readonly (readonly [string, unknown])[] = [
    ['seed', it.seed],
    ['kills', `${it.kills}: ${blows.join(', ')}`],
    ['letters', it.letters],
    ['attempts put off', it.refused],
    ['attempts broken off', it.broken],
    ['of them answered by another server', it.strangers],
    ['attempts never answered', it.unanswered],
    ['recipients acknowledged', it.acknowledged],
    ['in mailboxes', it.delivered],
    ['at other servers', it.remote],
    ['returned to the sender', it.bounced],
    ['still queued', it.leftInQueue],
    ['reports of success', it.reports],
    ['copies after no answer', it.unheard],
    ['duplicates of deliveries under way', it.duplicates],
    ['seconds', `${it.loadSeconds} under load, ${it.drainSeconds} until the queue was empty`],
    ['faults', it.faults.length],
  ]
  const lines = rows.map(([name, value]) => `${name.padEnd(36)}${String(value)}`)
  return `${[...lines, ...it.faults.slice(0, 50)].join('\n')}\n`
}
