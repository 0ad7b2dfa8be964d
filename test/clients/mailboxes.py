"""What a client sees of an account: argv has host, IMAP port, POP3 port, login, password. Prints JSON, for comparing two servers."""
import hashlib
import imaplib
import json
import poplib
import re
import sys

host, imap_port, pop3_port, login, password = sys.argv[1:]


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


client = imaplib.IMAP4(host, int(imap_port))
ok(client.login(login, password))
listed = [re.match(rb'\(([^)]*)\) ("?.?"?|NIL) "?([^"]*)"?$', line).groups() for line in ok(client.list())]
names = [name.decode() for flags, _, name in listed if b"\\noselect" not in flags.lower()]
told = {"subscribed": sorted(re.match(rb'.* "?([^"]*)"?$', line).group(1).decode() for line in ok(client.lsub()) if line)}
for name in sorted(names):
    status = ok(client.status('"%s"' % name, "(UIDNEXT UIDVALIDITY MESSAGES UNSEEN)"))[0].decode()
    numbers = dict(re.findall(r"([A-Z]+) (\d+)", status[status.rindex("(") :]))
    ok(client.select('"%s"' % name, readonly=True))
    messages = []
    if numbers["MESSAGES"] != "0":
        answers = ok(client.uid("FETCH", "1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])"))
        for answer in answers:
            if not isinstance(answer, tuple):
                continue
            head = answer[0].decode()
            messages.append(
                {
                    "uid": int(re.search(r"UID (\d+)", head).group(1)),
                    "flags": sorted(flag for flag in re.search(r"FLAGS \(([^)]*)\)", head).group(1).split() if flag != "\\Recent"),
                    "date": imaplib.Internaldate2tuple(answer[0]) and re.search(r'INTERNALDATE "([^"]*)"', head).group(1).strip().rjust(26, "0"),
                    "size": int(re.search(r"RFC822.SIZE (\d+)", head).group(1)),
                    "body": hashlib.sha256(answer[1]).hexdigest(),
                }
            )
    told[name] = {**numbers, "messages": messages}
client.logout()

pop = poplib.POP3(host, int(pop3_port))
pop.user(login)
pop.pass_(password)
told["uidl"] = [line.decode() for line in pop.uidl()[1]]
pop.quit()
print(json.dumps(told, indent=1, sort_keys=True))
