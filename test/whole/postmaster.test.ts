/** A digest in the postmaster's mailbox, from a server whose notices nobody takes. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { CONTENT, eventually, Instance } from '../harness/instance.js'
import { runProgram } from '../harness/programs.js'
import { sendMail } from '../harness/send-mail.js'
import { program } from '../harness/shared.js'
import { SmtpSink } from '../harness/smtp-sink.js'

const python = program('python3')
const skip = python === undefined ? 'no python3' : false
const ALICE = 'alice@example.test'

const READ = `
import email, email.policy, imaplib, json, ssl, sys
port, login, password = sys.argv[1:4]
client = imaplib.IMAP4("127.0.0.1", int(port), timeout=60)
client.starttls(ssl._create_unverified_context())
client.login(login, password)
client.select("INBOX")
mails = [email.message_from_bytes(client.fetch(n, "(BODY.PEEK[])")[1][0][1], policy=email.policy.default) for n in client.search(None, "ALL")[1][0].split()]
print(json.dumps([[m["subject"], m["return-path"], m["auto-submitted"], m.get_content() if m.get_content_type() == "text/plain" else ""] for m in mails]))
client.logout()
`

describe('a server whose notices nobody takes', { skip }, () => {
  let sink: SmtpSink
  let instance: Instance

  before(async () => {
    const script = (stage: string) => (stage === 'rcpt' ? '550 5.1.1 no such user' : undefined)
    sink = await new SmtpSink({ script }).start()
    instance = await Instance.make({
      without: CONTENT,
      server: { relay_domains: ['relayed.test'], trusted: ['127.0.0.0/8'] },
      users: [[ALICE, 'correct horse']],
      plugins: {
        mx: { routes: { '*': `127.0.0.1:${sink.port}` } },
        postmaster: { every: '1s' },
      },
    })
    await instance.start()
  })
  after(async () => {
    await instance?.destroy()
    await sink?.stop()
  })

  test('tells the postmaster, once, and nobody of itself', async () => {
    // refused there; the notice to its sender is refused there too
    await sendMail(instance.ports.mx, { from: 'x@far.test', to: ['bob@relayed.test'], subject: 'one' })
    const args = ['-c', READ, String(instance.ports.imap), ALICE, 'correct horse']
    const mails = await eventually(async () => {
      const { stdout } = await runProgram(python!, args)
      const found = JSON.parse(stdout) as readonly (readonly string[])[]
      return found.length > 0 ? found : undefined
    })
    const [[subject, path, auto, text] = []] = mails
    assert.equal(subject, 'mail.example.test: 1 thing a postmaster should know (double-bounce)')
    assert.equal(path, '<>')
    assert.equal(auto, 'auto-generated')
    assert.match(
      text!,
      /so that nobody was told \(double-bounce\): 1\r\n {2}\S+ {2}x@far\.test {2}a notice {2}no-such-user: .*550 5\.1\.1 no such user/,
    )
    assert.match((await instance.cli(['postmaster', 'show'])).stdout, /^nothing waits/)
  })
})
