/**
 * The scripted conversations of SMTP, submission and LMTP, each against a door with a fake intake. The scripts are named by RFC and
 * section; a conversation that goes otherwise is shown with file and line.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { defer } from '../../core/api/index.js'
import { parseScripts, runScript } from '../harness/conversation.js'
import { ROOT } from '../harness/shared.js'
import { type DoorOptions, SmtpDoor } from '../harness/smtp-door.js'

const DOORS: readonly (readonly [folder: string, options: DoorOptions])[] = [
  ['smtp', { smtp: { requireTls: true } }],
  ['login-optional', { listener: { auth: 'optional' } }],
  ['submission', { listener: { name: 'submission', auth: 'required' } }],
  [
    'lmtp',
    {
      listener: { name: 'lmtp', protocol: 'lmtp', tls: 'none' },
      judge: ({ routed }) =>
        routed.map(({ recipient }) =>
          recipient.address.local === 'full'
            ? defer('Mailbox is full', { code: 452, status: '4.2.2' })
            : { kind: 'accepted', text: 'Message accepted' },
        ),
    },
  ],
]

for (const [folder, options] of DOORS) {
  describe(`${folder} conversations`, () => {
    let door: SmtpDoor
    before(async () => {
      door = await SmtpDoor.open(options)
    })
    after(() => door.close())
    const here = join(ROOT, 'test/conversations', folder)
    for (const file of readdirSync(here).sort()) {
      for (const script of parseScripts(
        readFileSync(join(here, file), 'utf8'),
        `test/conversations/${folder}/${file}`,
      )) {
        test(`${file}: ${script.title}`, () => runScript(script, { port: door.port }))
      }
    }
  })
}
