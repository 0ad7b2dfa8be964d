/** The scripted conversations of POP3, named by RFC and section; each is shown with file and line when it goes otherwise. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { parseScripts, runScript } from '../harness/conversation.js'
import { ROOT } from '../harness/shared.js'
import { BOB, file, fileFor, type House, openHouse } from '../plugins/pop3/house.js'

let house: House
before(async () => {
  house = await openHouse({ login_delay: '0s' })
  const lines = (subject: string, ...rest: string[]) => [`Subject: ${subject}`, '', ...rest, ''].join('\r\n')
  await file(house.store, lines('one', 'first'), lines('dots', '.one', '..', 'last'), lines('three', 'third'))
  const raw = [
    'From: Jürgen <juergen@example.test>',
    'To: björn@example.test',
    'Subject: Grüße aus Bonn',
    'X-Note: größer',
  ]
  await fileFor(house.store, BOB, [...raw, '', 'Schöne Grüße', ''].join('\r\n'))
})
after(() => house.close())

const here = join(ROOT, 'test/conversations/pop3')
for (const name of readdirSync(here).sort()) {
  for (const script of parseScripts(readFileSync(join(here, name), 'utf8'), `test/conversations/pop3/${name}`)) {
    test(`${name}: ${script.title}`, () => runScript(script, { port: house.clear }))
  }
}
