/** All mailboxes of an account that hold something, as Python's imaplib reads them. */
import { runProgram } from './programs.js'
import { program } from './shared.js'

const READ = `
import email, email.header, imaplib, json, re, ssl, sys
port, login, password = sys.argv[1:4]
client = imaplib.IMAP4("127.0.0.1", int(port), timeout=60)
client.starttls(ssl._create_unverified_context())
client.login(login, password)
found = {}
for line in client.list()[1]:
    name = re.match(rb'.* "/" "?(.*?)"?$', line).group(1).decode()
    client.select('"' + name + '"', readonly=True)
    for n in client.search(None, "ALL")[1][0].split():
        (head, octets), *_ = client.fetch(n, "(FLAGS BODY.PEEK[])")[1]
        flags = [f for f in re.search(rb"FLAGS \\((.*?)\\)", head + _[0]).group(1).decode().split() if f != "\\\\Recent"]
        subject = str(email.header.make_header(email.header.decode_header(email.message_from_bytes(octets)["Subject"] or "")))
        found.setdefault(name, []).append({"subject": subject, "flags": sorted(flags), "octets": octets.decode("latin1")})
print(json.dumps(found))
client.logout()
`

const python = program('python3')

/** Why they cannot be read, or false. */
export const noMailboxes: string | false = python === undefined ? 'no python3' : false

export interface ReadMail {
  readonly subject: string
  readonly flags: readonly string[]
  /** Latin-1. */
  readonly octets: string
}

export async function mailboxesOf(
  port: number,
  login: string,
  password: string,
): Promise<Readonly<Record<string, readonly ReadMail[]>>> {
  const { code, stdout, stderr } = await runProgram(python!, ['-c', READ, String(port), login, password])
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(stdout) as Record<string, readonly ReadMail[]>
}
