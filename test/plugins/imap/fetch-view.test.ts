/** FETCH of UIDs, flags and MODSEQs of a whole mailbox, which is more than one piece of octets. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Rig, startRig } from './rig.js'

let rig: Rig

before(async () => {
  rig = await startRig()
})
after(() => rig.end())

const MESSAGES = 3000
const SETS = [[], ['\\Seen'], ['\\Answered', '\\Seen', 'work'], Array.from({ length: 40 }, (_, n) => `keyword-${n}`)]

test('every message of a large mailbox is told with its own number, UID, flags and MODSEQ', async () => {
  const ann = await rig.client('ann')
  await ann.ok('CREATE many')
  const { id } = (await rig.store.mail.find('id-ann', 'many'))!
  const mailbox = await rig.store.mail.open('id-ann', id)
  const body = { kind: 'memory', bytes: Buffer.from('Subject: x\r\n\r\nx\r\n') } as const
  await mailbox.append(Array.from({ length: MESSAGES + 1 }, (_, n) => ({ body, flags: SETS[n % 4]!, date: 0 })))
  await mailbox.expunge([2])
  const { roll } = await mailbox.snapshot()
  const wanted = (recent: (uid: number) => string) =>
    Array.from({ length: MESSAGES }, (_, at) => {
      const [uid, modseq] = [roll.uidAt(at), roll.modseqAt(at)]
      const flags = [recent(uid), ...roll.flagsAt(at)].filter(flag => flag !== '').join(' ')
      return `* ${at + 1} FETCH (UID ${uid} FLAGS (${flags}) MODSEQ (${modseq}))`
    })

  await ann.ok('SELECT many (CONDSTORE)')
  assert.deepEqual(
    await ann.ok('FETCH 1:* (UID FLAGS MODSEQ)'),
    wanted(() => '\\Recent'),
  )
  // Some are recent here and some are not.
  const bob = await rig.client('ann')
  await mailbox.append([{ body, flags: [], date: 0 }])
  const lines = [...(await bob.ok('SELECT many')), ...(await bob.ok('FETCH 1,2999:* (FLAGS)'))]
  const flags = (at: number) => roll.flagsAt(at).join(' ')
  assert.deepEqual(
    lines.filter(line => line.includes(' FETCH ')),
    [
      `* 1 FETCH (FLAGS (${flags(0)}))`,
      `* 2999 FETCH (FLAGS (${flags(2998)}))`,
      `* 3000 FETCH (FLAGS (${flags(2999)}))`,
      '* 3001 FETCH (FLAGS (\\Recent))',
    ],
  )
})
