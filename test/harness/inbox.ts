/** A mailbox as Python's imaplib reads it. */
import { runProgram } from './programs.js'
import { program } from './shared.js'

const READ = `
import imaplib, json, ssl, sys
port, login, password = sys.argv[1:4]
client = imaplib.IMAP4("127.0.0.1", int(port), timeout=60)
client.starttls(ssl._create_unverified_context())
client.login(login, password)
client.select("INBOX")
print(json.dumps([client.fetch(n, "(BODY.PEEK[])")[1][0][1].decode("latin1") for n in client.search(None, "ALL")[1][0].split()]))
client.logout()
`

const python = program('python3')

/** Why it cannot be read, or false. */
export const noInbox: string | false = python === undefined ? 'no python3' : false

/** Every message of INBOX; octets as Latin-1. */
export async function inboxOf(port: number, login: string, password: string): Promise<readonly string[]> {
  const { code, stdout, stderr } = await runProgram(python!, ['-c', READ, String(port), login, password])
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(stdout) as string[]
}
