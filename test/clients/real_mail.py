"""Sends every message of a folder by SMTP and reads all back by IMAP and POP3; prints what differs as JSON.

Arguments: smtp-port imap-port pop3-port login password folder
"""
import glob, imaplib, json, os, poplib, re, smtplib, ssl, sys

poplib._MAXLINE = 50_000_000
imaplib._MAXLINE = 50_000_000
smtp_port, imap_port, pop3_port, login, password, folder = sys.argv[1:7]
context = ssl._create_unverified_context()

# What a client does to a file before it goes over the wire: CRLF line ends, and one at the end.
def wire(data):
    data = re.sub(rb"\r\n|\r|\n", b"\r\n", data)
    return data if data.endswith(b"\r\n") else data + b"\r\n"

# Fields that Posthouse says it takes out of the view: other filters' verdicts.
def without_cut_fields(data):
    head, sep, body = data.partition(b"\r\n\r\n")
    fields = re.split(rb"\r\n(?![ \t])", head)
    kept = [f for f in fields if not re.match(rb"x-spam-[!-9;-~]*[ \t]*:", f, re.I)]
    return b"\r\n".join(kept) + sep + body if kept else data[len(head) + 2:]

failures, sent = [], {}
files = sorted(glob.glob(os.path.join(folder, "*.eml")))
client = smtplib.SMTP("127.0.0.1", int(smtp_port), timeout=60)
for path in files:
    name = os.path.basename(path)
    with open(path, "rb") as handle:
        data = wire(handle.read())
    try:
        client.sendmail("sender@elsewhere.test", [login], b"X-Sample: " + name.encode() + b"\r\n" + data, mail_options=["BODY=8BITMIME"])
        sent[name] = data
    except Exception as error:
        failures.append({"name": name, "stage": "smtp", "why": str(error)[:300]})
        client.close()
        client = smtplib.SMTP("127.0.0.1", int(smtp_port), timeout=60)
client.quit()

OURS = re.compile(rb"(return-path|delivered-to|received|x-spam-[!-9;-~]*|authentication-results|x-posthouse-origin)[ \t]*:", re.I)

def check(stage, got, seen):
    front, mark, rest = got.partition(b"X-Sample: ")
    name = rest.split(b"\r\n", 1)[0].decode()
    seen.add(name)
    for field in re.split(rb"\r\n(?![ \t])", front):
        if field and not OURS.match(field):
            failures.append({"name": name, "stage": stage, "why": "unexpected field in front: %r" % field[:80]})
    want = without_cut_fields(b"X-Sample: " + name.encode() + b"\r\n" + sent.get(name, b""))
    if mark + rest != want:
        at = next((i for i, (a, b) in enumerate(zip(mark + rest, want)) if a != b), min(len(mark + rest), len(want)))
        failures.append({"name": name, "stage": stage, "why": "differs at octet %d: %r, want %r" % (at, (mark + rest)[at:at + 40], want[at:at + 40])})

imap = imaplib.IMAP4("127.0.0.1", int(imap_port), timeout=60)
imap.starttls(context)
imap.login(login, password)
seen = set()
for mailbox in ("INBOX", "Junk"):
    imap.select(mailbox)
    uids = imap.uid("SEARCH", "ALL")[1][0].split()
    for uid in uids:
        parts = imap.uid("FETCH", uid.decode(), "(RFC822.SIZE BODY.PEEK[])")[1]
        size = int(re.search(rb"RFC822.SIZE (\d+)", parts[0][0] + parts[-1]).group(1))
        if size != len(parts[0][1]):
            failures.append({"name": uid.decode(), "stage": "imap", "why": "RFC822.SIZE %d, got %d" % (size, len(parts[0][1]))})
        check("imap", parts[0][1], seen)
for name in sent:
    if name not in seen:
        failures.append({"name": name, "stage": "imap", "why": "not there"})
# POP3 sees INBOX alone; Junk is brought back so that it sees all.
imap.select("Junk")
if imap.search(None, "ALL")[1][0].split():
    imap.uid("MOVE", "1:*", "INBOX")
imap.logout()

pop = poplib.POP3("127.0.0.1", int(pop3_port), timeout=60)
pop.stls(context)
# what is raw in a header comes as it is (RFC 6856)
pop.utf8()
pop.user(login)
pop.pass_(password)
seen = set()
for number in range(1, pop.stat()[0] + 1):
    check("pop3", b"\r\n".join(pop.retr(number)[1]) + b"\r\n", seen)
for name in sent:
    if name not in seen:
        failures.append({"name": name, "stage": "pop3", "why": "not there"})
pop.quit()
print(json.dumps({"files": len(files), "sent": len(sent), "failures": failures}))
